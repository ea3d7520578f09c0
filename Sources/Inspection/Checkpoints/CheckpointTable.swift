import Checkpoints
import Failures
import Files
import Reporting
import Settings

/// The checkpoints of a run, with the validation results of each.
package struct CheckpointTable {
    private let run: RunDirectory
    private let listings: [CheckpointListing]
    /// The metric that selects the best checkpoint: the watched metric of the newest checkpoint.
    private let metric: String
    private let best: Checkpoint?

    /// Lists the checkpoints of the run directory `path`.
    ///
    /// - Throws: `badData` if the path does not exist or is not a run with checkpoints.
    package init(_ path: String) throws(Failure) {
        run = try RunDirectory(existing: path)
        listings = try Checkpoint.list(run)
        guard !listings.isEmpty else {
            throw Failure(
                .badData, "\(path): holds no checkpoints. Name a run directory, such as runs/quickstart.")
        }
        let checkpoints = listings.compactMap(\.checkpoint)
        let metric = checkpoints.last?.state.watched?.name ?? ValidationMetric.loss.rawValue
        self.metric = metric
        best = Retention(
            keepLast: 1, keepBest: 1, metric: metric,
            isBetterHigher: ValidationMetric(rawValue: metric)?.isBetterHigher ?? false
        ).best(of: checkpoints)
    }

    /// The table as text, one line per checkpoint.
    package var text: String {
        listings.map { listing in
            switch listing.result {
            case .success(let checkpoint):
                let state = checkpoint.state
                let loss = state.validationLoss.map { "validation loss \(fixed($0, 4))" } ?? "not evaluated"
                let value = metric == ValidationMetric.loss.rawValue ? nil : watchedValue(checkpoint)
                let words = ValidationMetric(rawValue: metric)?.words ?? metric
                let mark = checkpoint.directory == best?.directory ? "best" : nil
                return
                    ([
                        checkpoint.directory, "step \(checkpoint.step)", loss, value.map { "\(words) \(fixed($0, 4))" },
                        mark,
                    ])
                    .compactMap(\.self).joined(separator: "  ")
            case .failure(let failure): return "\(run.checkpoints)/\(listing.name)  damaged: \(failure.message)"
            }
        }.joined(separator: "\n")
    }

    /// The table as one JSON object.
    package var json: JSON {
        let rows = listings.map { listing -> JSON in
            switch listing.result {
            case .success(let checkpoint):
                [
                    "checkpoint": .string(checkpoint.directory), "step": .integer(checkpoint.step),
                    "validation_loss": checkpoint.state.validationLoss.map(JSON.number) ?? .null,
                    "value": watchedValue(checkpoint).map(JSON.number) ?? .null,
                    "best": .boolean(checkpoint.directory == best?.directory), "digest": .string(checkpoint.digest),
                ]
            case .failure(let failure):
                [
                    "checkpoint": .string("\(run.checkpoints)/\(listing.name)"), "step": .integer(listing.step),
                    "damaged": .string(failure.message),
                ]
            }
        }
        return [
            "run": .string(run.path), "metric": .string(metric), "best": best.map { .string($0.directory) } ?? .null,
            "checkpoints": .array(rows),
        ]
    }

    private func watchedValue(_ checkpoint: Checkpoint) -> Double? {
        checkpoint.state.watched.flatMap { $0.name == metric ? $0.value : nil }
    }
}
