import Checkpoints
import Failures
import Files
import Texts

/// What to do with what a run directory already holds.
package enum Resumption: Equatable, Sendable {
    /// Continue where the run's newest valid checkpoint is of this very training; start where there is none.
    case automatic
    /// Start anew, and set aside what is there.
    case none
    /// Continue from this checkpoint.
    case directory(String)
}

/// The run directory in the hands of rank 0: what it begins with, and what is put into it.
struct RunStart {
    /// The verified checkpoint to continue from.
    let checkpoint: Checkpoint?
    /// Whether the checkpoint was trained on the very data of this run.
    let isSameDataset: Bool
    /// Whether it was trained with the very configuration of this run, as far as that makes other numbers.
    let isSameConfiguration: Bool
    /// What a person should know about the choice.
    let notes: [String]

    /// Decides how a run begins. On return the directory holds nothing that is newer than the step it begins at.
    ///
    /// - Throws: `usage` where the checkpoint is of another training, `badData` where it is damaged, `inputOutput`
    ///   where the directory cannot be written.
    init(_ run: RunDirectory, _ resumption: Resumption, _ identity: RunIdentity) throws(Failure) {
        switch resumption {
        case .none:
            (checkpoint, isSameDataset, isSameConfiguration) = (nil, true, true)
            notes = try RunStart.setAside(run, afterStep: -1)
        case .automatic:
            guard let newest = try Checkpoint.newestValid(run) else {
                (checkpoint, isSameDataset, isSameConfiguration) = (nil, true, true)
                notes = try RunStart.setAside(run, afterStep: -1)
                return
            }
            let accepted = try identity.accept(newest.checkpoint, named: false)
            (isSameDataset, isSameConfiguration) = (accepted.isSameDataset, accepted.differences.isEmpty)
            checkpoint = newest.checkpoint
            // Damaged ones would count as the newest when it is decided which are kept.
            notes = newest.notes + (try RunStart.setAside(run, afterStep: newest.checkpoint.step))
        case .directory(let directory):
            let named = try Checkpoint.open(directory)
            let accepted = try identity.accept(named, named: true)
            (isSameDataset, isSameConfiguration) = (accepted.isSameDataset, accepted.differences.isEmpty)
            try named.verify()
            let moved = try RunStart.setAside(run, afterStep: named.step)
            checkpoint = named
            notes = accepted.differences + moved
        }
        try MetricsLog.truncate(run.metrics, afterStep: checkpoint?.step ?? 0)
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
