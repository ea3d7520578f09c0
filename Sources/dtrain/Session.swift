import CProcess
import CProcessor
import Collectives
import Failures
import Glibc
import Kernels
import MPI
import Reporting
import Training

/// The process as a command sees it: its ranks and its console.
struct Session {
    let communicator: any Communicator
    let console: Console

    /// Runs `body` in a session, and ends it: every rank returns the same exit code where all know of the failure;
    /// where only this one does, it says so and ends the job.
    static func run(_ body: (Session) throws -> ExitCode) -> ExitCode {
        let mpi: MPICommunicator?
        do {
            try checkProcessor()
            // A launcher that is killed takes no leave of its ranks.
            if LaunchEnvironment.isLaunched { _ = cprocess_die_with_parent() }
            mpi = LaunchEnvironment.isLaunched ? try MPICommunicator() : nil
        } catch {
            let failure = error as? Failure ?? Failure(.internalError, "\(error)")
            // Before MPI is up only the launcher's word tells which rank this is.
            if LaunchEnvironment.launchedRank ?? 0 == 0 { report(failure.message, failure.exitCode) }
            return failure.exitCode
        }
        Processor.prepareThread()
        let communicator: any Communicator = mpi ?? SoloCommunicator()
        let code: ExitCode
        do {
            let session = Session(communicator: communicator, console: Console(rank: communicator.rank))
            code = try session.end(with: try body(session))
        } catch let agreed as AgreedFailure {
            if communicator.rank == 0, !agreed.failure.message.isEmpty {
                report(agreed.failure.message, agreed.failure.exitCode)
            }
            code = agreed.failure.exitCode
        } catch {
            let failure = error as? Failure ?? Failure(.internalError, "\(error)")
            let rank = communicator.size > 1 ? "rank \(communicator.rank): " : ""
            report(rank + failure.message, failure.exitCode)
            // The others wait for this rank in some call and would wait for ever.
            communicator.abort(failure.exitCode.rawValue)
            return failure.exitCode
        }
        do { try mpi?.finalize() } catch { return report("\(error)", .internalError) }
        return code
    }

    /// The exit code of a command that ended with `code`, after all that it printed. The same on every rank.
    private func end(with code: ExitCode) throws -> ExitCode {
        let end = Console.End(rawValue: try communicator.maximum(console.finish().rawValue)) ?? .written
        guard code == .finished else { return code }
        switch end {
        case .written: return .finished
        // Under a launcher the reader is the launcher, which would report a rank that ends like this.
        case .readerLeft: return LaunchEnvironment.isLaunched ? .finished : .readerLeft
        case .failed: return .inputOutput
        }
    }

    /// Prints a message on standard error, once.
    @discardableResult
    private static func report(_ message: String, _ code: ExitCode) -> ExitCode {
        let text = Array("dtrain: \(message)\n".utf8)
        _ = text.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
        return code
    }

    /// Checks that the processor has the instructions that the kernels were compiled into, and that a limit of them is known.
    private static func checkProcessor() throws(Failure) {
        if let text = KernelLimit.requested, KernelLimit(rawValue: text) == nil {
            let allowed = KernelLimit.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(
                .usage,
                "\(KernelLimit.variable): found \(text); allowed: \(allowed), or unset for all that the processor has.")
        }
        let missing = Processor.builtFor() & ~cprocessor_features()
        guard missing != 0 else { return }
        let names = ["AVX2", "FMA", "F16C", "AVX-512F", "AVX-512BW", "AVX-512VL", "AVX-512-FP16"]
        let list = names.indices.filter { missing >> $0 & 1 == 1 }.map { names[$0] }.joined(separator: ", ")
        throw Failure(
            .usage,
            "this dtrain was built for a processor with \(list), which this one lacks. Rebuild it here with "
                + "launch/setup, or for all hosts with DTRAIN_PROCESSOR=x86-64-v3 launch/setup.")
    }
}
