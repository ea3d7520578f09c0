import CProcess
import Collectives
import Failures
import Glibc
import MPI
import Reporting
import Resources
import Threads

/// The environment of a command: its ranks and its console.
struct Session {
    let communicator: any Communicator
    let console: Console

    /// Runs `body` in a session. If it throws a failure that all ranks know, they all return its exit code; otherwise
    /// this rank reports the failure and aborts the job.
    static func run(_ body: (Session) throws -> ExitCode) -> ExitCode {
        let mpi: MPICommunicator?
        do {
            try ProcessorCheck.run()
            // A launcher that is killed does not end its ranks.
            if LaunchEnvironment.isLaunched { _ = cprocess_die_with_parent() }
            mpi = LaunchEnvironment.isLaunched ? try MPICommunicator() : nil
        } catch {
            let failure = error as? Failure ?? Failure(.internalError, "\(error)")
            // Before MPI is initialized, the rank is known only from the launcher's environment variables.
            if LaunchEnvironment.launchedRank ?? 0 == 0 { report(failure.message, failure.exitCode) }
            return failure.exitCode
        }
        ComputeThread.prepare()
        let communicator: any Communicator = mpi ?? SoloCommunicator()
        let session = Session(communicator: communicator, console: Console(rank: communicator.rank))
        let code: ExitCode
        do {
            code = try session.end(with: try body(session))
        } catch let agreed as AgreedFailure {
            if communicator.rank == 0, !agreed.failure.message.isEmpty {
                session.console.clearLine()
                report(agreed.failure.message, agreed.failure.exitCode)
            }
            code = agreed.failure.exitCode
        } catch {
            let failure = error as? Failure ?? Failure(.internalError, "\(error)")
            session.console.clearLine()
            let rank = communicator.size > 1 ? "rank \(communicator.rank): " : ""
            report(rank + failure.message, failure.exitCode)
            // The other ranks wait for this rank in some call, and would wait forever.
            communicator.abort(failure.exitCode.rawValue)
            return failure.exitCode
        }
        do { try mpi?.finalize() } catch { return report("\(error)", .internalError) }
        return code
    }

    /// The exit code of a command that ended with `code`, considering failures of its output. The same on every rank.
    private func end(with code: ExitCode) throws -> ExitCode {
        let end = Console.End(rawValue: try communicator.maximum(console.finish().rawValue)) ?? .written
        guard code == .finished else { return code }
        switch end {
        case .written: return .finished
        // A launcher that reads the output would report a rank that is ended by a signal.
        case .readerLeft: return LaunchEnvironment.isLaunched ? .finished : .readerLeft
        case .failed: return .inputOutput
        }
    }

    /// Prints a message on standard error.
    @discardableResult
    private static func report(_ message: String, _ code: ExitCode) -> ExitCode {
        let text = Array("dtrain: \(message)\n".utf8)
        _ = text.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
        return code
    }
}
