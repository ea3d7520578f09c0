import Checkpoints
import Collectives
import Failures
import Files
import Profiling
import Reporting

/// The trace of a run's first steps, one file a rank.
final class RunProfile {
    /// Spans of one step with the evaluation and checkpoint that may follow it; the rest is left out.
    private static let stepCapacity = 1 << 16

    private let recorder: SpanRecorder
    private let file: TraceFile
    private let console: Console
    private var stepsLeft: Int

    /// Starts to record `steps` > 0 steps, on every rank at once. Traces of an earlier run in the directory go.
    ///
    /// - Throws: `inputOutput` where the trace cannot be written.
    init(
        steps: Int, _ run: RunDirectory, _ recorder: SpanRecorder, _ communicator: any Communicator, _ console: Console
    ) throws {
        self.recorder = recorder
        self.console = console
        stepsLeft = steps
        _ = try communicator.onFirstRank { () throws(Failure) in
            for path in try run.traces() { try FileSystem.remove(path) }
            return ""
        }
        file = try communicator.together { () throws(Failure) in
            try TraceFile(run.trace(rank: communicator.rank), rank: communicator.rank)
        }
        // All ranks count from the same moment, also those of other hosts.
        try communicator.barrier()
        recorder.start(capacity: RunProfile.stepCapacity)
    }

    /// Adds a step that has ended, with what followed it, to the trace.
    func stepDone() {
        if !recorder.isRecording { return }
        do throws(Failure) {
            try file.append(recorder.recorded)
        } catch {
            return giveUp(error)
        }
        recorder.removeAll()
        stepsLeft -= 1
        if stepsLeft == 0 || file.isFull { finish() }
    }

    /// Completes the trace, where the run ends before it.
    func finish() {
        if !recorder.isRecording { return }
        recorder.stop()
        do throws(Failure) {
            try file.write()
        } catch {
            return giveUp(error)
        }
        let leftOut = recorder.leftOutCount > 0 ? " (\(recorder.leftOutCount) spans had no room)" : ""
        console.say("profile: \(file.path)\(leftOut), one a rank; open it at https://ui.perfetto.dev")
    }

    /// A training is worth more than its trace.
    private func giveUp(_ failure: Failure) {
        recorder.stop()
        console.warn("\(failure.message) The training goes on without a profile.")
    }
}
