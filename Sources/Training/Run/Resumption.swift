import Texts
import Checkpoints
import EventFiles
import Failures
import Files
import Settings

/// How a run treats the existing contents of its run directory: the option `--resume`.
package enum Resumption: Equatable, Sendable {
    /// Resumes from the newest valid checkpoint if it belongs to this run; starts from scratch if there is none.
    case automatic
    /// Starts from scratch, and moves existing files to a subdirectory.
    case none
    /// Resumes from the checkpoint with this path, or from the newest checkpoint of the run if that descends from the
    /// named checkpoint.
    case directory(String)

    /// The command that resumes the run after it has saved.
    var continuingCommand: String { self == .none ? "the same command without --resume none" : "the same command" }

    /// A sentence that names this command.
    var continuation: String {
        self == .none ? "Repeat the command without --resume none to resume." : "Repeat the same command to resume."
    }
}

/// The start of a run on rank 0: the checkpoint to resume from, and the changes to the run directory.
struct RunStart {
    /// The verified checkpoint to resume from; nil: the run starts from scratch.
    let checkpoint: Checkpoint?
    /// Whether the checkpoint was trained on the run's dataset.
    let isSameDataset: Bool
    /// Whether it was trained with the run's configuration, except for keys that do not change numerical results.
    let isSameConfiguration: Bool
    /// The digest of the checkpoint that `--resume` named, in this start or in an earlier one.
    let resumedFrom: String?
    /// The model of another program that the weights come from; nil if they do not.
    private(set) var origin: ModelOrigin?
    /// Messages to the user about the choice.
    let notes: [String]

    /// Decides how a run starts, and moves or removes newer data: afterwards the directory contains nothing of steps
    /// after the step at which the run starts.
    ///
    /// - Parameter beforeAnew: Called before a run starts from scratch, while the directory is unchanged; returns the
    ///   origin of its weights.
    /// - Throws: `usage` if the checkpoint belongs to another run; `badData` if it is damaged; `inputOutput` if the
    ///   directory cannot be written; any error of `beforeAnew`.
    init(
        _ run: RunDirectory, _ resumption: Resumption, _ identity: RunIdentity,
        beforeAnew: () throws(Failure) -> ModelOrigin?
    ) throws(Failure) {
        switch resumption {
        case .none:
            origin = try beforeAnew()
            (checkpoint, isSameDataset, isSameConfiguration, resumedFrom) = (nil, true, true, nil)
            notes = try RunStart.setAside(run, afterStep: -1)
        case .automatic:
            guard let newest = try Checkpoint.newestValid(run) else {
                origin = try beforeAnew()
                (checkpoint, isSameDataset, isSameConfiguration, resumedFrom) = (nil, true, true, nil)
                notes = try RunStart.setAside(run, afterStep: -1)
                return
            }
            let accepted = try identity.accept(newest.checkpoint, named: false)
            (isSameDataset, isSameConfiguration) = (accepted.isSameDataset, accepted.differences.isEmpty)
            checkpoint = newest.checkpoint
            resumedFrom = try CheckpointIdentity(newest.checkpoint).resumedFrom
            // Damaged checkpoints must be moved, because retention would count them among the newest.
            notes = newest.notes + (try RunStart.setAside(run, afterStep: newest.checkpoint.step))
        case .directory(let path):
            if let newest = try RunStart.successor(ofRemoved: path, in: run, identity) {
                (checkpoint, isSameDataset, isSameConfiguration) = (newest.checkpoint, true, true)
                resumedFrom = try CheckpointIdentity(newest.checkpoint).resumedFrom
                notes =
                    newest.notes + [
                        "\(path) was removed; \(newest.checkpoint.directory) descends from it: the run resumes there"
                    ]
                    + (try RunStart.setAside(run, afterStep: newest.checkpoint.step))
                break
            }
            let found = try Checkpoint.find(path)
            let named = found.checkpoint
            if let newest = try RunStart.descendant(of: named, in: run, identity) {
                (checkpoint, isSameDataset, isSameConfiguration, resumedFrom) = (
                    newest.checkpoint, true, true, named.digest
                )
                notes =
                    newest.notes + [
                        "\(newest.checkpoint.directory) descends from \(named.directory): the run resumes there"
                    ]
                    + (try RunStart.setAside(run, afterStep: newest.checkpoint.step))
                break
            }
            let accepted = try identity.accept(named, named: true)
            (isSameDataset, isSameConfiguration) = (accepted.isSameDataset, accepted.differences.isEmpty)
            // Verified first, so that an error leaves the directory unchanged.
            try found.verify()
            let moved = try RunStart.setAside(run, afterStep: named.step)
            (checkpoint, resumedFrom) = (named, named.digest)
            notes = found.notes + accepted.differences + moved
        }
        if let checkpoint { origin = try CheckpointIdentity(checkpoint).origin }
        try MetricsLog.truncate(run.metrics, afterStep: checkpoint?.step ?? 0)
        try EventLog.truncate(run.tensorboard, afterStep: checkpoint?.step ?? 0)
    }

    /// The newest valid checkpoint of the run, if an earlier start of the run was resumed from `named` with the
    /// configuration and data of `identity`; otherwise nil.
    ///
    /// - Throws: `inputOutput` if a checkpoint cannot be read.
    private static func descendant(
        of named: Checkpoint, in run: RunDirectory, _ identity: RunIdentity
    ) throws(Failure) -> ValidCheckpoint? {
        do throws(Failure) {
            guard let newest = try Checkpoint.newestValid(run), newest.checkpoint.step > named.step,
                try CheckpointIdentity(newest.checkpoint).resumedFrom == named.digest
            else { return nil }
            _ = try identity.accept(newest.checkpoint, named: false)
            return newest
        } catch {
            // The run has another configuration or no valid checkpoint: the named checkpoint is used.
            guard error.exitCode == .inputOutput else { return nil }
            throw error
        }
    }

    /// The newest valid checkpoint of the run, if `path` was a checkpoint of the run from which it was resumed and
    /// which retention has removed since; otherwise nil.
    ///
    /// - Throws: `usage` if the run has another configuration; `inputOutput` if a checkpoint cannot be read.
    private static func successor(
        ofRemoved path: String, in run: RunDirectory, _ identity: RunIdentity
    ) throws(Failure) -> ValidCheckpoint? {
        guard try !FileSystem.isPresent(path), FileSystem.parent(of: path).exact == run.checkpoints.exact,
            let name = path.exactParts(at: "/", omittingEmpty: true).last,
            let step = name.withoutExactPrefix("step-").flatMap({ Int($0) }),
            let newest = try Checkpoint.newestValid(run), newest.checkpoint.step > step,
            try CheckpointIdentity(newest.checkpoint).resumedFrom != nil
        else { return nil }
        _ = try identity.accept(newest.checkpoint, named: false)
        return newest
    }

    /// Moves checkpoints later than `step` to a new subdirectory; if `step` is -1, the metrics, event files and
    /// configuration too.
    ///
    /// - Returns: A message to the user, if anything was moved.
    private static func setAside(_ run: RunDirectory, afterStep step: Int) throws(Failure) -> [String] {
        let later = try Checkpoint.list(run).filter { $0.step > step && !$0.name.hasExactPrefix(".") }
        let hasMetrics = try step < 0 ? FileSystem.isPresent(run.metrics) : false
        if later.isEmpty && !hasMetrics { return [] }
        var number = 1
        while try FileSystem.isPresent("\(run.path)/previous-\(number)") { number += 1 }
        let aside = RunDirectory("\(run.path)/previous-\(number)")
        try aside.create()
        for listing in later {
            try FileSystem.rename("\(run.checkpoints)/\(listing.name)", to: "\(aside.checkpoints)/\(listing.name)")
        }
        // For `step` ≥ 0 the metrics up to the step also remain in the run.
        for (old, new) in [(run.metrics, aside.metrics), (run.configuration, aside.configuration)] {
            guard try FileSystem.isPresent(old) else { continue }
            if step < 0 { try FileSystem.rename(old, to: new) } else { try FileSystem.copy(old, to: new) }
        }
        let events = try step < 0 ? EventLog.files(in: run.tensorboard) : []
        if !events.isEmpty { try FileSystem.makeDirectory(aside.tensorboard) }
        for old in events { try FileSystem.rename(old, to: aside.tensorboard + old.dropFirst(run.tensorboard.count)) }
        return ["The previous contents of the directory are now in \(aside.path)."]
    }
}
