import Checkpoints
import Failures
import Files

/// All that a run writes, in the hands of rank 0: the locked directory, the metrics and the checkpoints.
final class RunRecords {
    /// What the run began with.
    let start: RunStart
    private let run: RunDirectory
    private let lock: RunLock
    private var metrics: MetricsLog
    private let identity: RunIdentity
    private let retention: Retention
    /// The checkpoint that was written last, or that the run began with.
    private(set) var newestCheckpoint: String?

    /// Takes possession of `run` and decides how it begins.
    init(_ run: RunDirectory, _ identity: RunIdentity, _ resumption: Resumption) throws(Failure) {
        self.run = run
        self.identity = identity
        try run.create()
        lock = try run.lock()
        try FileSystem.remove(run.outcome)
        start = try RunStart(run, resumption, identity)
        metrics = try MetricsLog(run.metrics)
        try FileSystem.replaceContents(of: run.configuration, with: identity.configuration.resolvedYAML)
        let training = identity.configuration.training
        retention = Retention(
            keepLast: training.keepLast, keepBest: training.keepBest, metric: training.metric.rawValue,
            isBetterHigher: training.metric.isBetterHigher)
        newestCheckpoint = start.checkpoint?.directory
    }

    /// Leaves the marker of a run that ends with `code` at `step`.
    func end(_ code: ExitCode, step: Int) throws(Failure) {
        let outcome =
            switch code {
            case .finished: "finished"
            case .stopped: "stopped"
            default: "failed"
            }
        let marker: JSON = [
            "outcome": .string(outcome), "exit_code": .integer(Int(code.rawValue)), "step": .integer(step),
        ]
        try FileSystem.replaceContents(of: run.outcome, with: marker.line + "\n")
    }

    /// Adds a line to `metrics.jsonl`.
    func log(_ line: JSON) throws(Failure) { try metrics.append(line) }

    /// The newest checkpoint that is valid now.
    func newestValid() throws(Failure) -> Checkpoint? { try Checkpoint.newestValid(run)?.checkpoint }

    /// Takes the lines of later steps out of `metrics.jsonl`: the run has gone back.
    func forget(afterStep step: Int) throws(Failure) {
        try MetricsLog.truncate(run.metrics, afterStep: step)
        metrics = try MetricsLog(run.metrics)
    }

    /// Commits a checkpoint, then lets those go that are among neither the newest nor the best.
    func save(_ state: CheckpointState, _ files: [(name: String, tensors: [TensorSource])]) throws(Failure) {
        try metrics.synchronize()
        let checkpoint = try Checkpoint.commit(
            run: run, state: state, program: programVersion, identity: identity.json,
            tokenizerModel: identity.tokenizerModel, files: files)
        newestCheckpoint = checkpoint.directory
        try retention.apply(to: run)
    }
}
