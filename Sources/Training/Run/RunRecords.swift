import Checkpoints
import Failures
import Files
import Kernels
import Reporting
import Settings

/// All that a run writes, in the hands of rank 0: the locked directory, the metrics and the checkpoints.
///
/// A disk that is full or fails ends a run only where something would be lost: lines of the log wait in memory, a
/// checkpoint that could not be written leaves those before it as they are, and the next save tries again. A line says
/// so each time. The last save of a run has no next one: it throws.
///
/// **What a kill costs.** A checkpoint is valid from its commit on. Written at once, it is committed before the next
/// step begins, and a kill costs the steps since the last save: fewer than `training.checkpoint_every`, and the one
/// that is being saved. Written in the background, it is committed while training goes on, so that a kill before that
/// costs the steps since the save before: those of the interval, and those that were trained while the writer wrote. As
/// each save waits for the one before, they are never more than twice the interval, and as a rule more than one by a
/// few. The last save of a run, also where it was asked to stop, is always written at once: when it ends, its last step
/// is saved.
final class RunRecords {
    /// What the run began with.
    let start: RunStart
    private let run: RunDirectory
    private let lock: RunLock
    private var metrics: MetricsLog
    private let store: CheckpointStore
    private let resumption: Resumption
    private let console: Console
    /// nil where checkpoints are written at once.
    private let background: (writer: CheckpointWriter, snapshot: TensorSnapshot)?
    private var hasToldOfMemory = false
    /// The step that the writer writes.
    private var stepUnderway = 0
    /// The checkpoint that was written last, or that the run began with.
    private(set) var newestCheckpoint: String?

    /// Takes possession of `run` and decides how it begins. A start that is refused leaves the directory as it was.
    ///
    /// - Parameter beforeAnew: Called before a run starts from the beginning; what it throws refuses the start.
    init(
        _ run: RunDirectory, _ identity: RunIdentity, _ resumption: Resumption, _ console: Console,
        beforeAnew: () throws(Failure) -> Void = {}
    ) throws(Failure) {
        self.run = run
        self.console = console
        self.resumption = resumption
        try run.refuseForeign()
        let isNew = !FileSystem.exists(run.path)
        try run.create()
        lock = try run.lock()
        try FileSystem.removeTemporaryFiles(in: run.path)
        do throws(Failure) {
            start = try RunStart(run, resumption, identity, beforeAnew: beforeAnew)
        } catch {
            if isNew { try? FileSystem.remove(run.path) }
            throw error
        }
        try FileSystem.remove(run.outcome)
        metrics = try MetricsLog(run.metrics)
        try FileSystem.replaceContents(of: run.configuration, with: identity.configuration.resolvedYAML)
        var identity = identity
        identity.resumedFrom = start.resumedFrom
        store = CheckpointStore(run, identity)
        // Checkpoints may have been set aside or removed.
        try store.markBest()
        background =
            identity.configuration.training.backgroundCheckpoints ? (CheckpointWriter(), TensorSnapshot()) : nil
        newestCheckpoint = start.checkpoint?.directory
    }

    deinit {
        // Whatever ends the run, what is being written is not torn.
        do throws(Failure) {
            _ = try background?.writer.finish()
        } catch {
            console.warn("step \(stepUnderway) is not saved: \(error.message)")
        }
    }

    /// Leaves the marker of a run that ends as `outcome` at `step`.
    ///
    /// - Parameter allIsPrinted: Whether standard output has taken all that was printed. Otherwise a finished run has an exit
    ///   code that says so.
    func end(_ outcome: Trainer.Outcome, allIsPrinted: Bool, step: Int) throws(Failure) {
        switch outcome {
        case .finished: try end("finished", allIsPrinted ? .finished : .inputOutput, step: step)
        case .stopped: try end("stopped", .stopped, step: step)
        }
    }

    /// Leaves the marker of a run that fails with `code` at `step`.
    func end(failedWith code: ExitCode, step: Int) throws(Failure) { try end("failed", code, step: step) }

    private func end(_ outcome: String, _ code: ExitCode, step: Int) throws(Failure) {
        // Whoever reads the marker may start the next run.
        try finishSave()
        let marker: JSON = [
            "outcome": .string(outcome), "exit_code": .integer(Int(code.rawValue)), "step": .integer(step),
        ]
        try FileSystem.replaceContents(of: run.outcome, with: marker.line + "\n")
    }

    /// The newest checkpoint that is valid now.
    func newestValid() throws(Failure) -> Checkpoint? {
        try finishSave()
        return try Checkpoint.newestValid(run)?.checkpoint
    }

    /// The checkpoint with the best watched metric among those that are kept.
    func bestCheckpoint() throws(Failure) -> Checkpoint? {
        try finishSave()
        return try store.markBest()
    }

    /// Takes the lines of later steps out of `metrics.jsonl`: the run has gone back.
    func forget(afterStep step: Int) throws(Failure) {
        try metrics.flush()
        try MetricsLog.truncate(run.metrics, afterStep: step)
        metrics = try MetricsLog(run.metrics)
    }

    /// Adds a line to `metrics.jsonl`.
    ///
    /// - Throws: `inputOutput` where the disk has not taken a line for so long that memory should not hold more.
    func log(_ line: JSON) throws(Failure) {
        let waitedBefore = metrics.waitingCount
        do throws(Failure) {
            try metrics.append(line)
        } catch {
            guard error.exitCode == .inputOutput, !metrics.hasTooManyWaiting else { throw error }
            if waitedBefore == 0 {
                console.warn("\(error.message) Training goes on: lines wait in memory until the disk takes them.")
            }
            return
        }
        if waitedBefore > 0 { console.warn("the disk takes lines again: \(waitedBefore) that waited are written.") }
    }

    /// Learns how a save in the background went, where it is over. Called after every step.
    ///
    /// - Throws: What is no matter of the disk.
    func takeUpSave() throws(Failure) {
        if background?.writer.isDone == true { try finishSave() }
    }

    /// Commits a checkpoint, or begins to, and then lets those go that are among neither the newest nor the best.
    ///
    /// - Parameters:
    ///   - files: The tensors, which are not touched any more when this returns.
    ///   - isLast: Whether no other save follows. Then it is done when this returns.
    /// - Throws: `inputOutput` where the disk does not take the last one.
    func save(
        _ state: CheckpointState, _ files: [(name: String, tensors: [TensorSource])], isLast: Bool
    ) throws(Failure) {
        try finishSave()
        do throws(Failure) {
            try metrics.flush()
            if !isLast, try saveInBackground(state, files) { return }
            note(try store.commit(state, files, after: metrics))
        } catch {
            guard isLast else { return try passOver(error, step: state.step) }
            guard error.exitCode == .inputOutput else { throw error }
            let newest = newestCheckpoint.map { "it goes on from \($0)" } ?? "it starts anew"
            throw Failure(
                .inputOutput,
                "step \(state.step): the last checkpoint could not be written: \(error.message) Then start "
                    + "\(resumption.continuingCommand) again: \(newest).")
        }
    }

    /// Copies the tensors and leaves the rest to the writer.
    ///
    /// - Returns: Whether it could; nothing is done where not.
    private func saveInBackground(
        _ state: CheckpointState, _ files: [(name: String, tensors: [TensorSource])]
    ) throws(Failure) -> Bool {
        guard let (writer, snapshot) = background else { return false }
        guard let copies = try snapshot.copy(files) else {
            if !hasToldOfMemory {
                hasToldOfMemory = true
                console.warn(
                    "there is no memory to spare for a copy of the checkpoint: training waits while it is written.")
            }
            return false
        }
        stepUnderway = state.step
        // Not `self`: that would have to wait for the thread on the thread.
        let work: CheckpointWriter.Work = { [store, metrics] () throws(Failure) in
            try store.commit(state, copies, after: metrics)
        }
        // The tensors came from all ranks in turn and cannot be asked for again.
        if !writer.start(work) { note(try work()) }
        return true
    }

    /// Waits for the save in the background, where there is one.
    private func finishSave() throws(Failure) {
        do throws(Failure) {
            if let written = try background?.writer.finish() { note(written) }
        } catch {
            try passOver(error, step: stepUnderway)
        }
    }

    private func note(_ written: CheckpointWriter.Written) {
        newestCheckpoint = written.checkpoint.directory
        if let note = written.note { console.warn(note) }
    }

    /// Says that a save has failed, where training can go on all the same.
    private func passOver(_ failure: Failure, step: Int) throws(Failure) {
        guard failure.exitCode == .inputOutput else { throw failure }
        console.warn("step \(step) is not saved: \(failure.message) Training goes on: the next save tries again.")
    }
}
