import Checkpoints
import Failures
import Files
import Settings
import Texts

/// What to do with what a run directory already holds.
package enum Resumption: Equatable, Sendable {
    /// Continue where the run's newest valid checkpoint is of this very training; start where there is none.
    case automatic
    /// Start anew, and set aside what is there.
    case none
    /// Continue from this checkpoint, or from the newest one of the run that descends from it.
    case directory(String)

    /// The command that continues the run once it has saved.
    var continuingCommand: String { self == .none ? "the same command without --resume none" : "the same command" }

    /// The sentence that says so.
    var continuation: String {
        self == .none ? "Without --resume none, the same command continues." : "The same command continues."
    }
}

/// The run directory in the hands of rank 0: what it begins with, and what is put into it.
struct RunStart {
    /// The verified checkpoint to continue from.
    let checkpoint: Checkpoint?
    /// Whether the checkpoint was trained on the very data of this run.
    let isSameDataset: Bool
    /// Whether it was trained with the very configuration of this run, as far as that makes other numbers.
    let isSameConfiguration: Bool
    /// The digest of the checkpoint that the run was told to continue from, now or when it was started.
    let resumedFrom: String?
    /// What a person should know about the choice.
    let notes: [String]

    /// Decides how a run begins. On return the directory holds nothing that is newer than the step it begins at.
    ///
    /// - Parameter beforeAnew: Called before a run starts from the beginning, while the directory is as it was.
    /// - Throws: `usage` where the checkpoint is of another training, `badData` where it is damaged, `inputOutput`
    ///   where the directory cannot be written; what `beforeAnew` throws.
    init(
        _ run: RunDirectory, _ resumption: Resumption, _ identity: RunIdentity,
        beforeAnew: () throws(Failure) -> Void
    ) throws(Failure) {
        switch resumption {
        case .none:
            try beforeAnew()
            (checkpoint, isSameDataset, isSameConfiguration, resumedFrom) = (nil, true, true, nil)
            notes = try RunStart.setAside(run, afterStep: -1)
        case .automatic:
            guard let newest = try Checkpoint.newestValid(run) else {
                try beforeAnew()
                (checkpoint, isSameDataset, isSameConfiguration, resumedFrom) = (nil, true, true, nil)
                notes = try RunStart.setAside(run, afterStep: -1)
                return
            }
            let accepted = try identity.accept(newest.checkpoint, named: false)
            (isSameDataset, isSameConfiguration) = (accepted.isSameDataset, accepted.differences.isEmpty)
            checkpoint = newest.checkpoint
            resumedFrom = try CheckpointIdentity(newest.checkpoint).resumedFrom
            // Damaged ones would count as the newest when it is decided which are kept.
            notes = newest.notes + (try RunStart.setAside(run, afterStep: newest.checkpoint.step))
        case .directory(let path):
            if let newest = try RunStart.successor(ofRemoved: path, in: run, identity) {
                (checkpoint, isSameDataset, isSameConfiguration) = (newest.checkpoint, true, true)
                resumedFrom = try CheckpointIdentity(newest.checkpoint).resumedFrom
                notes =
                    newest.notes + [
                        "\(path) is not kept any more; \(newest.checkpoint.directory) descends from it: the run continues"
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
                        "\(newest.checkpoint.directory) descends from \(named.directory): the run continues"
                    ]
                    + (try RunStart.setAside(run, afterStep: newest.checkpoint.step))
                break
            }
            let accepted = try identity.accept(named, named: true)
            (isSameDataset, isSameConfiguration) = (accepted.isSameDataset, accepted.differences.isEmpty)
            // Before anything is set aside: what is refused leaves the directory as it was.
            try found.verify()
            let moved = try RunStart.setAside(run, afterStep: named.step)
            (checkpoint, resumedFrom) = (named, named.digest)
            notes = found.notes + accepted.differences + moved
        }
        try MetricsLog.truncate(run.metrics, afterStep: checkpoint?.step ?? 0)
    }

    /// The newest valid checkpoint of the run, where the run was told before to continue from `named` and has done so with the
    /// configuration and data of `identity`; otherwise nil.
    ///
    /// - Throws: `inputOutput` where a checkpoint cannot be read.
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
            // Of another configuration, or without a valid checkpoint: the named one is what was asked for.
            guard error.exitCode == .inputOutput else { return nil }
            throw error
        }
    }

    /// The newest valid checkpoint of the run, where `path` was a checkpoint of the run that it was told to continue from and that
    /// has been removed since, as older than those to keep; otherwise nil.
    ///
    /// - Throws: `usage` where the run has another configuration, `inputOutput` where a checkpoint cannot be read.
    private static func successor(
        ofRemoved path: String, in run: RunDirectory, _ identity: RunIdentity
    ) throws(Failure) -> ValidCheckpoint? {
        guard !FileSystem.exists(path), FileSystem.parent(of: path).exact == run.checkpoints.exact,
            let name = path.exactParts(at: "/", omittingEmpty: true).last,
            let step = name.withoutExactPrefix("step-").flatMap({ Int($0) }),
            let newest = try Checkpoint.newestValid(run), newest.checkpoint.step > step,
            try CheckpointIdentity(newest.checkpoint).resumedFrom != nil
        else { return nil }
        _ = try identity.accept(newest.checkpoint, named: false)
        return newest
    }

    /// Moves checkpoints of later steps, and at step -1 the whole old run, into a directory of their own.
    private static func setAside(_ run: RunDirectory, afterStep step: Int) throws(Failure) -> [String] {
        let later = try Checkpoint.list(run).filter { $0.step > step && !$0.name.hasExactPrefix(".") }
        let hasMetrics = step < 0 && FileSystem.exists(run.metrics)
        if later.isEmpty && !hasMetrics { return [] }
        var number = 1
        while FileSystem.exists("\(run.path)/previous-\(number)") { number += 1 }
        let aside = RunDirectory("\(run.path)/previous-\(number)")
        try aside.create()
        for listing in later {
            try FileSystem.rename("\(run.checkpoints)/\(listing.name)", to: "\(aside.checkpoints)/\(listing.name)")
        }
        // The metrics up to the step stay in the run as well.
        for (old, new) in [(run.metrics, aside.metrics), (run.configuration, aside.configuration)]
        where FileSystem.exists(old) {
            if step < 0 { try FileSystem.rename(old, to: new) } else { try FileSystem.copy(old, to: new) }
        }
        return ["What the directory held before is now in \(aside.path)."]
    }
}
