import Checkpoints
import Datasets
import EventFiles
import Failures
import Files
import Interchange
import Reporting
import Settings

/// The files of a run, written by rank 0: the locked directory, the metrics log, the event files and the checkpoints.
///
/// A full or failing disk ends a run only if data would be lost. Log lines are buffered in memory; a failed checkpoint
/// leaves earlier ones unchanged, and the next save tries again. Each of these events is reported. The final save of a
/// run throws if it fails.
///
/// **Steps lost when the run is killed.** A checkpoint is valid once it is committed. With synchronous saving it is
/// committed before the next step begins, so at most `training.checkpoint_every` steps are lost. With background saving
/// it is committed while training continues; until then, a kill also loses the steps since the previous save. Since
/// each save waits for the previous one, this is at most twice the interval, and usually the interval plus a few steps.
/// The final save, including one after a request to stop, is synchronous, so the last step is always saved.
final class RunRecords {
    /// How the run started.
    let start: RunStart
    private let run: RunDirectory
    private let lock: RunLock
    private var metrics: MetricsLog
    /// nil if no event files are written.
    private var events: EventLog?
    private let store: CheckpointStore
    private let resumption: Resumption
    private let console: Console
    /// nil if checkpoints are saved synchronously.
    private let background: (writer: CheckpointWriter, snapshot: TensorSnapshot)?
    private var hasToldOfMemory = false
    /// The step whose checkpoint is being written in the background.
    private var stepUnderway = 0
    /// The directory of the checkpoint that was written last; initially that of the checkpoint to resume from.
    private(set) var newestCheckpoint: String?

    /// The files by which directories of another kind are recognized.
    private static let otherKinds =
        [(DatasetManifest.fileName, "a dataset")] + ModelReader.weightFileNames.map { ($0, "a transformers model") }

    /// Locks `run` and decides how it starts. If this fails, the directory is left unchanged.
    ///
    /// - Parameters:
    ///   - session: What runs where, for the event file; see `Trainer`.
    ///   - beforeAnew: Called before a run starts from scratch, returns the origin of its weights; if it throws, the
    ///     run does not start.
    init(
        _ run: RunDirectory, _ identity: RunIdentity, _ resumption: Resumption, _ console: Console,
        session: JSON = .object([]),
        beforeAnew: () throws(Failure) -> ModelOrigin? = { () throws(Failure) in nil }
    ) throws(Failure) {
        self.run = run
        self.console = console
        self.resumption = resumption
        try run.refuseForeign(RunRecords.otherKinds)
        let made = try run.create()
        lock = try run.lock()
        try FileSystem.removeTemporaryFiles(in: run.path)
        do throws(Failure) {
            start = try RunStart(run, resumption, identity, beforeAnew: beforeAnew)
        } catch {
            // A directory that this run created contains nothing of the user.
            if made.contains(where: { $0.exact == run.path.exact }) { try? FileSystem.remove(run.path) }
            FileSystem.removeEmptyDirectories(made.filter(FileSystem.isDirectory))
            throw error
        }
        try FileSystem.removeFile(run.outcome)
        metrics = try MetricsLog(run.metrics)
        if identity.configuration.training.tensorboard {
            let step = start.checkpoint?.step ?? 0
            let events = try EventLog(run.tensorboard, startingAt: step + 1)
            let texts = [
                Summary.code("configuration", identity.configuration.resolvedYAML), .code("session", session.line),
            ]
            try events.append(texts, step: step)
            self.events = events
        }
        try FileSystem.replaceContents(
            of: run.configuration, with: identity.configuration.resolvedYAML, followingLinks: false)
        var identity = identity
        (identity.resumedFrom, identity.origin) = (start.resumedFrom, start.origin)
        store = CheckpointStore(run, identity)
        // Checkpoints may have been moved or removed.
        try store.markBest()
        background =
            identity.configuration.training.backgroundCheckpoints ? (CheckpointWriter(), TensorSnapshot()) : nil
        newestCheckpoint = start.checkpoint?.directory
    }

    deinit {
        // Completes a background save, whatever ends the run.
        do throws(Failure) {
            _ = try background?.writer.finish()
        } catch {
            console.warn("step \(stepUnderway) is not saved: \(error.message)")
        }
    }

    /// Writes the outcome marker of a run that ended with `outcome` at `step`.
    ///
    /// - Parameter allIsPrinted: Whether standard output has accepted all output. Otherwise the exit code of a finished
    ///   run is `inputOutput`.
    func end(_ outcome: Trainer.Outcome, allIsPrinted: Bool, step: Int) throws(Failure) {
        switch outcome {
        case .finished: try end("finished", allIsPrinted ? .finished : .inputOutput, step: step)
        case .stopped: try end("stopped", .stopped, step: step)
        }
    }

    /// Writes the outcome marker of a run that failed with `code` at `step`.
    func end(failedWith code: ExitCode, step: Int) throws(Failure) { try end("failed", code, step: step) }

    private func end(_ outcome: String, _ code: ExitCode, step: Int) throws(Failure) {
        // A program that reads the marker may start the next run immediately.
        try finishSave()
        let marker: JSON = [
            "outcome": .string(outcome), "exit_code": .integer(Int(code.rawValue)), "step": .integer(step),
        ]
        try FileSystem.replaceContents(of: run.outcome, with: marker.line + "\n", followingLinks: false)
    }

    /// The newest valid checkpoint, after any background save is complete.
    func newestValid() throws(Failure) -> Checkpoint? {
        try finishSave()
        return try Checkpoint.newestValid(run)?.checkpoint
    }

    /// The checkpoint with the best watched metric among those that are kept.
    func bestCheckpoint() throws(Failure) -> Checkpoint? {
        try finishSave()
        return try store.markBest()
    }

    /// Removes later steps from `metrics.jsonl` and the event files, after a rollback.
    func forget(afterStep step: Int) throws(Failure) {
        try flushLogs()
        try MetricsLog.truncate(run.metrics, afterStep: step)
        metrics = try MetricsLog(run.metrics)
        if events == nil { return }
        try EventLog.truncate(run.tensorboard, afterStep: step)
        events = try EventLog(run.tensorboard, startingAt: step + 1)
    }

    /// The files of the logs.
    private var logs: [AppendOnlyFile] { [metrics.file] + (events.map { [$0.file] } ?? []) }

    /// Writes the lines and events that are kept in memory.
    private func flushLogs() throws(Failure) { for log in logs { try log.flush() } }

    /// Appends a line to `metrics.jsonl`, and its numbers to the event file; buffers them in memory if the disk fails.
    ///
    /// - Throws: `inputOutput` if the buffer is full.
    func log(_ line: JSON) throws(Failure) {
        try enduring { () throws(Failure) in
            try metrics.append(line)
        } and: { () throws(Failure) in
            guard let step = line["step"]?.integerValue else { return }
            try events?.append(Summary.scalars(of: line), step: step)
        }
    }

    /// Appends histograms or texts of `step` to the event file; buffers them in memory if the disk fails.
    ///
    /// - Throws: `inputOutput` if the buffer is full.
    func log(_ summaries: [Summary], step: Int) throws(Failure) {
        try enduring { () throws(Failure) in try events?.append(summaries, step: step) }
    }

    /// Performs one or two writes to logs, the second even if the first fails, and reports when writing begins to fail
    /// and when it succeeds again.
    private func enduring(
        _ first: () throws(Failure) -> Void, and second: () throws(Failure) -> Void = { () throws(Failure) in }
    ) throws(Failure) {
        let waitedBefore = logs.reduce(0) { $0 + $1.waitingCount }
        var failure: Failure?
        do throws(Failure) { try first() } catch { failure = error }
        do throws(Failure) { try second() } catch { failure = failure ?? error }
        if let failure {
            guard failure.exitCode == .inputOutput, !logs.contains(where: \.hasTooManyWaiting) else { throw failure }
            if waitedBefore == 0 {
                console.warn(
                    "\(failure.message) Training continues: log lines are kept in memory until they can be written.")
            }
        } else if waitedBefore > 0 {
            console.warn("the log can be written again: wrote \(counted(waitedBefore, "line")) kept in memory.")
        }
    }

    /// Processes the result of a completed background save. Called after every step.
    ///
    /// - Throws: Errors other than `inputOutput`.
    func takeUpSave() throws(Failure) {
        if background?.writer.isDone == true { try finishSave() }
    }

    /// Commits a checkpoint, or starts to in the background; then removes checkpoints that are not kept.
    ///
    /// - Parameters:
    ///   - files: The tensors, which are not accessed after this returns.
    ///   - isLast: Whether this is the final save, which is synchronous.
    /// - Throws: `inputOutput` if the final save fails.
    func save(
        _ state: CheckpointState, _ files: [(name: String, tensors: [TensorSource])], isLast: Bool
    ) throws(Failure) {
        try finishSave()
        do throws(Failure) {
            try flushLogs()
            if !isLast, try saveInBackground(state, files) { return }
            note(try store.commit(state, files, after: logs))
        } catch {
            guard isLast else { return try passOver(error, step: state.step) }
            guard error.exitCode == .inputOutput else { throw error }
            let newest = newestCheckpoint.map { "it resumes from \($0)" } ?? "it starts from scratch"
            throw Failure(
                .inputOutput,
                "step \(state.step): the last checkpoint could not be written: \(error.message) After fixing "
                    + "this, repeat \(resumption.continuingCommand); \(newest).")
        }
    }

    /// Copies the tensors and lets the writer save them in the background.
    ///
    /// - Returns: Whether there was enough memory; otherwise nothing is done.
    private func saveInBackground(
        _ state: CheckpointState, _ files: [(name: String, tensors: [TensorSource])]
    ) throws(Failure) -> Bool {
        guard let (writer, snapshot) = background else { return false }
        guard let copies = try snapshot.copy(files) else {
            if !hasToldOfMemory {
                hasToldOfMemory = true
                console.warn(
                    "not enough memory for a copy of the checkpoint: training waits while it is written.")
            }
            return false
        }
        stepUnderway = state.step
        // The closure must not capture `self`, whose `deinit` waits for the thread.
        let work: CheckpointWriter.Work = { [store, logs] () throws(Failure) in
            try store.commit(state, copies, after: logs)
        }
        // The tensors were gathered from all ranks and cannot be requested again.
        if !writer.start(work) { note(try work()) }
        return true
    }

    /// Waits for the background save, if there is one.
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

    /// Reports a failed save after which training can continue.
    private func passOver(_ failure: Failure, step: Int) throws(Failure) {
        guard failure.exitCode == .inputOutput else { throw failure }
        console.warn("step \(step) is not saved: \(failure.message) Training continues: the next save tries again.")
    }
}
