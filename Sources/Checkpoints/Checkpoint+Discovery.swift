import Failures
import Files
import Texts

/// A directory of `RUN/checkpoints` that is named like a checkpoint.
package struct CheckpointListing: Sendable {
    /// The name, like `step-00000400`.
    package let name: String
    /// The step that the name tells.
    package let step: Int
    /// The checkpoint, or why it is none.
    package let result: Result<Checkpoint, Failure>

    /// The checkpoint where the cheap checks passed.
    package var checkpoint: Checkpoint? { try? result.get() }
}

/// A checkpoint that was looked for in a run, or named by its path.
package struct ValidCheckpoint: Sendable {
    package let checkpoint: Checkpoint
    /// A line for each newer one that was passed over, saying why.
    package let notes: [String]
}

extension Checkpoint {
    /// All checkpoints of a run in the order of their steps, each with the outcome of `open`.
    ///
    /// - Returns: Nothing for a run that has no checkpoints yet.
    /// - Throws: `inputOutput` where a directory or file cannot be read.
    package static func list(_ run: RunDirectory) throws(Failure) -> [CheckpointListing] {
        var listings: [CheckpointListing] = []
        for candidate in try candidates(run) {
            let directory = run.checkpoints + "/" + candidate.name
            let result = try badDataAsResult { () throws(Failure) in
                // A run's own are directories. What a link leads to may be any other run's.
                guard !FileSystem.isLink(directory) else {
                    throw Failure(.badData, "\(directory): a symbolic link, not followed here.")
                }
                let checkpoint = try open(directory)
                guard checkpoint.step == candidate.step else {
                    throw Failure(.badData, "\(directory): holds a checkpoint of step \(checkpoint.step).")
                }
                return checkpoint
            }
            listings.append(CheckpointListing(name: candidate.name, step: candidate.step, result: result))
        }
        return listings
    }

    /// The newest checkpoint of the run whose every byte is as its manifest says.
    ///
    /// Damaged ones are passed over; one that cannot be read for another reason (permission, device) is not, since
    /// the training would silently go on from an older one.
    ///
    /// - Returns: Nil where the run has no checkpoint at all.
    /// - Throws: `badData` where there are some and none is valid, `inputOutput` where reading fails.
    package static func newestValid(_ run: RunDirectory) throws(Failure) -> ValidCheckpoint? {
        var passedOver: [String] = []
        for listing in try list(run).reversed() {
            let result = try badDataAsResult { () throws(Failure) in
                let checkpoint = try listing.result.get()
                try checkpoint.verify()
                return checkpoint
            }
            switch result {
            case .success(let checkpoint):
                let notes = passedOver.map { "\($0) Falling back to \(listing.name)." }
                return ValidCheckpoint(checkpoint: checkpoint, notes: notes)
            case .failure(let failure):
                passedOver.append(failure.message)
            }
        }
        if passedOver.isEmpty { return nil }
        throw Failure(
            .badData,
            "\(run.checkpoints): none of its checkpoints is valid. Restore one from a copy, or start anew with "
                + "--resume none.\n" + passedOver.joined(separator: "\n"))
    }

    /// The directories that may be checkpoints, by step. One that was set aside ranks below the one of its step.
    private static func candidates(_ run: RunDirectory) throws(Failure) -> [(name: String, step: Int)] {
        let names: [String]
        do throws(Failure) {
            names = try FileSystem.list(run.checkpoints)
        } catch {
            // Not there yet. A directory that cannot be read is another matter.
            guard error.exitCode == .badData else { throw error }
            return []
        }
        var found: [(name: String, step: Int)] = []
        for name in names {
            guard let (role, step) = CheckpointName.parse(name), role == .committed || role == .replaced else {
                continue
            }
            found.append((name, step))
        }
        // "." sorts before "s".
        return found.sorted { ($0.step, $0.name.exact) < ($1.step, $1.name.exact) }
    }

    /// The outcome of `body`, where the only failure that counts as an outcome is `badData`.
    private static func badDataAsResult(
        _ body: () throws(Failure) -> Checkpoint
    ) throws(Failure) -> Result<Checkpoint, Failure> {
        do throws(Failure) {
            return .success(try body())
        } catch {
            guard error.exitCode == .badData else { throw error }
            return .failure(error)
        }
    }
}
