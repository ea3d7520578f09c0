import Texts
import Failures
import Files

/// A directory in `RUN/checkpoints` whose name is that of a checkpoint.
package struct CheckpointListing: Sendable {
    /// The directory's name, for example `step-00000400`.
    package let name: String
    /// The step in the name.
    package let step: Int
    /// The checkpoint, or the reason why it is invalid.
    package let result: Result<Checkpoint, Failure>

    /// The checkpoint, if the checks of `Checkpoint.open` passed.
    package var checkpoint: Checkpoint? { try? result.get() }
}

/// A checkpoint that was found in a run or named by its path.
package struct ValidCheckpoint: Sendable {
    package let checkpoint: Checkpoint
    /// One line for each newer checkpoint that was rejected, with the reason.
    package let notes: [String]
    /// Whether the checkpoint was already verified when it was found.
    private let isVerified: Bool

    init(_ checkpoint: Checkpoint, notes: [String] = [], isVerified: Bool) {
        self.checkpoint = checkpoint
        self.notes = notes
        self.isVerified = isVerified
    }

    /// Verifies the checkpoint, unless that was done when it was found.
    ///
    /// - Parameter progress: As for `Checkpoint.verify`.
    package func verify(progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }) throws(Failure) {
        if !isVerified { try checkpoint.verify(progress: progress) }
    }
}

extension Checkpoint {
    /// Lists all checkpoints of a run in step order, each with the result of `open`.
    ///
    /// - Returns: An empty array for a run without checkpoints.
    /// - Throws: `inputOutput` if a directory or file cannot be read.
    package static func list(_ run: RunDirectory) throws(Failure) -> [CheckpointListing] {
        var listings: [CheckpointListing] = []
        for candidate in try candidates(run) {
            let directory = run.checkpoints + "/" + candidate.name
            let result = try badDataAsResult { () throws(Failure) in
                // A run's own checkpoints are directories. A link may lead to another run's checkpoint.
                guard !FileSystem.isLink(directory) else {
                    throw Failure(.badData, "\(directory): is a symbolic link, which is not followed here.")
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

    /// Finds the newest checkpoint of the run of which every byte agrees with the manifest and every number is finite.
    ///
    /// Invalid checkpoints are skipped. A checkpoint that cannot be read for another reason (permissions, device) is an
    /// error, since the run would otherwise silently resume from an older one.
    ///
    /// - Parameters:
    ///   - startsAnew: Whether the command can train from scratch, which the message then suggests.
    ///   - progress: As for `verify`, for each checkpoint that is verified.
    /// - Returns: nil if the run has no checkpoints.
    /// - Throws: `badData` if none of the run's checkpoints is valid, `inputOutput` if reading fails.
    package static func newestValid(
        _ run: RunDirectory, startsAnew: Bool = true, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(Failure) -> ValidCheckpoint? {
        var passedOver: [String] = []
        for listing in try list(run).reversed() {
            let result = try badDataAsResult { () throws(Failure) in
                let checkpoint = try listing.result.get()
                try checkpoint.verify(progress: progress)
                return checkpoint
            }
            switch result {
            case .success(let checkpoint):
                let notes = passedOver.map { "\($0) Falling back to \(listing.name)." }
                return ValidCheckpoint(checkpoint, notes: notes, isVerified: true)
            case .failure(let failure):
                passedOver.append(failure.message)
            }
        }
        if passedOver.isEmpty { return nil }
        throw Failure(
            .badData,
            "\(run.checkpoints): none of its checkpoints is valid. Restore one from a copy"
                + (startsAnew ? ", or start from scratch with --resume none.\n" : ".\n")
                + passedOver.joined(separator: "\n"))
    }

    /// The directories that may be checkpoints, in step order. A replaced checkpoint comes before the committed one of
    /// the same step.
    private static func candidates(_ run: RunDirectory) throws(Failure) -> [(name: String, step: Int)] {
        let names: [String]
        do throws(Failure) {
            names = try FileSystem.list(run.checkpoints)
        } catch {
            // The directory does not exist yet. A directory that cannot be read is an error.
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

    /// Returns the result of `body`; any failure other than `badData` is thrown.
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
