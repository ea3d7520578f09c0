import Checkpoints
import Collectives
import Failures
import Files
import Profiling
import Reporting

/// The trace of a run's first steps, one file per rank.
final class RunProfile {
    /// The maximum number of spans of one step, including its evaluation and checkpoint; further spans are dropped.
    private static let stepCapacity = 1 << 16

    private let recorder: SpanRecorder
    private let file: TraceFile
    private let console: Console
    private var stepsLeft: Int

    /// Starts to record `steps` > 0 steps on all ranks at once, and removes earlier traces in the directory.
    /// Collective: every rank calls it.
    ///
    /// - Throws: `AgreedFailure` with `inputOutput` if the trace cannot be written.
    init(
        steps: Int, _ run: RunDirectory, _ recorder: SpanRecorder, _ communicator: any Communicator, _ console: Console
    ) throws {
        self.recorder = recorder
        self.console = console
        stepsLeft = steps
        _ = try communicator.onFirstRank { () throws(Failure) in
            for path in try run.traces() { try FileSystem.removeFile(path) }
            return ""
        }
        file = try communicator.together { () throws(Failure) in
            try TraceFile(run.trace(rank: communicator.rank), rank: communicator.rank)
        }
        // All ranks, including those of other hosts, start their clocks at the same moment.
        try communicator.barrier()
        recorder.start(capacity: RunProfile.stepCapacity)
    }

    /// Appends the spans of a completed step to the trace.
    func stepDone() {
        if !recorder.isRecording { return }
        do throws(Failure) {
            try file.append(recorder.recorded)
            try recorder.transfers.withUnsafeBufferPointer { events throws(Failure) in
                try file.append(events, to: .network)
            }
        } catch {
            return giveUp(error)
        }
        recorder.removeAll()
        stepsLeft -= 1
        if stepsLeft == 0 || file.isFull { finish() }
    }

    /// Completes the trace; does nothing if it is already complete.
    func finish() {
        if !recorder.isRecording { return }
        recorder.stop()
        do throws(Failure) {
            try file.write()
        } catch {
            return giveUp(error)
        }
        let leftOut =
            recorder.leftOutCount > 0
            ? " (without \(counted(recorder.leftOutCount, "span")) that exceeded its memory)" : ""
        console.say("profile: \(file.path)\(leftOut), one per rank; open it at https://ui.perfetto.dev")
    }

    /// Continues without a trace: a missing trace is no reason to end the run.
    private func giveUp(_ failure: Failure) {
        recorder.stop()
        console.warn("\(failure.message) Training continues without a profile.")
    }
}
