import Failures
import Files

/// A failure that all ranks know. Each exits by itself with the same exit code, and rank 0 prints the message.
package struct AgreedFailure: Error {
    /// The failure, the same on every rank.
    package let failure: Failure

    /// Wraps a failure that occurs on every rank.
    package init(_ failure: Failure) { self.failure = failure }
}

extension Communicator {
    /// Runs an operation that may fail on some ranks only; if it fails on one, it fails on all.
    ///
    /// - Parameter body: The operation; it must not communicate.
    /// - Throws: `AgreedFailure`, with the failure of the lowest rank on which it failed.
    package func together<Result>(_ body: () throws(Failure) -> Result) throws -> Result {
        var (result, own): (Result?, Failure?)
        do throws(Failure) { result = try body() } catch { own = error }
        // The lowest failing rank has the largest number.
        let worst = try maximum(own == nil ? 0 : Int64(size - rank))
        guard worst > 0 else { return result! }
        let failing = size - Int(worst)
        let code = try sum(rank == failing ? Int64(own!.exitCode.rawValue) : 0)
        let prefix = failing == 0 ? "" : "rank \(failing): "
        let message = try broadcast(rank == failing ? prefix + own!.message : "", from: failing)
        throw AgreedFailure(Failure(ExitCode(rawValue: Int32(code)) ?? .internalError, message))
    }

    /// Adds the name of this host to a failure that concerns a resource of the host, if the job has several hosts.
    package func namingHost(_ failure: Failure) -> Failure {
        guard localSize < size else { return failure }
        return Failure(failure.exitCode, "host \(hostName()): \(failure.message)")
    }

    /// Runs `body` on rank 0 only, for example to read the disk, and returns its result on every rank.
    ///
    /// - Throws: `AgreedFailure`, with rank 0's failure.
    package func onFirstRank(_ body: () throws(Failure) -> String) throws -> String {
        let answer = try together { () throws(Failure) in rank == 0 ? try body() : "" }
        return try broadcast(answer)
    }

    /// Checks that all ranks have read the same, given its digest. Collective: every rank calls it.
    ///
    /// - Parameter difference: The failure if `rank` is the first one whose digest differs from that of rank 0.
    /// - Throws: `AgreedFailure` with that failure.
    package func requireSame(_ digest: String, _ difference: (_ rank: Int) -> Failure) throws {
        let digests = try gather(digest)
        _ = try onFirstRank { () throws(Failure) in
            if let rank = digests.firstIndex(where: { $0 != digests[0] }) { throw difference(rank) }
            return ""
        }
    }
}

extension SoloCommunicator {
    /// Runs `body`, which communicates, in a process without other ranks; an `AgreedFailure` is thrown as its
    /// `Failure`.
    ///
    /// - Throws: The failure; `internalError` for any other error.
    package static func run<Result>(_ body: (SoloCommunicator) throws -> Result) throws(Failure) -> Result {
        do {
            return try body(SoloCommunicator())
        } catch let failure as Failure {
            throw failure
        } catch let agreed as AgreedFailure {
            throw agreed.failure
        } catch {
            throw Failure(.internalError, "\(error)")
        }
    }
}
