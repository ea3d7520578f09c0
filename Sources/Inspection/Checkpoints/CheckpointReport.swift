import Checkpoints
import Failures
import Files
import Inference
import Models
import Reporting
import Settings
import Texts

/// The contents of a checkpoint: how it was trained, and shape and size of every tensor of the model.
///
/// Hashes are not verified, so that a damaged or diverged checkpoint can be looked at.
package struct CheckpointReport {
    private struct Row {
        let name: String
        let shape: [Int]
        let type: TensorType
        let statistics: TensorStatistics?
        let part: ModelPart
        /// What is notable about its numbers, such as "all zero".
        let remark: String

        var count: Int { shape.reduce(1, *) }

        var json: JSON {
            var members: [JSON.Member] = [
                .init("name", .string(name)), .init("shape", .array(shape.map { .integer($0) })),
                .init("type", .string(type.rawValue)), .init("parameters", .integer(count)),
                .init("part", .string(part.rawValue)),
            ]
            if let statistics {
                members += [
                    .init("root_mean_square", .number(statistics.rootMeanSquare)),
                    .init("largest", .number(Double(statistics.largest))),
                    .init("zeros", .integer(statistics.zeros)), .init("non_finite", .integer(statistics.nonFinite)),
                ]
            }
            return .object(members)
        }
    }

    private let checkpoint: Checkpoint
    private let identity: CheckpointIdentity
    private let rows: [Row]
    private let ties: [String]

    /// Reads the weights of `checkpoint`.
    ///
    /// - Parameter progress: Called with the number of tensors read so far and the total.
    /// - Throws: `badData` if its manifest or the header of its weight file is damaged.
    package init(
        _ checkpoint: Checkpoint, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(Failure) {
        self.checkpoint = checkpoint
        identity = try CheckpointIdentity(checkpoint)
        let file = try checkpoint.openTensors(modelFileName)
        var rows: [Row] = []
        for tensor in file.tensors {
            let statistics = try TensorStatistics(tensor, in: file)
            rows.append(
                Row(
                    name: tensor.name, shape: tensor.shape, type: tensor.type, statistics: statistics,
                    part: ModelPart(ofParameter: tensor.name), remark: statistics?.remark ?? ""))
            progress(rows.count, file.tensors.count)
        }
        self.rows = rows
        ties = Transformer<Float>(identity.configuration.model, identity.sizes).ties
    }

    private var parameterCount: Int { rows.reduce(0) { $0 + $1.count } }
    private var nonFinite: Int { rows.reduce(0) { $0 + ($1.statistics?.nonFinite ?? 0) } }

    /// The report as text for a terminal.
    package var text: String {
        let hasRemarks = rows.contains { !$0.remark.isEmpty }
        func cells(_ row: Row) -> [String] {
            [
                row.name, row.shape.map(String.init).joined(separator: " × "), grouped(row.count),
                row.statistics.map { scientific($0.rootMeanSquare) } ?? "",
                row.statistics.map { scientific(Double($0.largest)) } ?? "",
            ] + (hasRemarks ? [row.remark] : [])
        }
        let header = ["name", "shape", "parameters", "root mean square", "largest"] + (hasRemarks ? [""] : [])
        let parts = ModelPart.sums(rows.map { ($0.name, $0.count) }).map { part, count in
            [part.rawValue, grouped(count), percent(Double(count) / Double(max(1, parameterCount)), 1)]
        }
        let finite =
            nonFinite == 0
            ? "all weights are finite" : "\(grouped(nonFinite)) weights are infinite or not a number: the run diverged"
        return [
            history.joined(separator: "\n"), aligned([header] + rows.map(cells)),
            aligned(
                [["part", "parameters", "share"]] + parts + [["\(rows.count) tensors", grouped(parameterCount), ""]]),
            (ties + [finite]).joined(separator: "\n"), files,
        ].joined(separator: "\n\n")
    }

    /// How the model was trained.
    private var history: [String] {
        let (state, configuration) = (checkpoint.state, identity.configuration)
        let loss = state.validationLoss.map { ", validation loss \(fixed($0, 4))" } ?? ""
        let skipped = state.skippedSteps > 0 ? ", \(grouped(state.skippedSteps)) steps skipped" : ""
        let origin =
            identity.isImported
            ? "imported"
            : "step \(grouped(checkpoint.step)) of \(grouped(configuration.training.steps)), "
                + "\(grouped(state.consumedSamples)) samples, \(grouped(state.tokens)) targets\(loss)\(skipped)"
        let tokenizer =
            identity.facts.tokenizer.kind == .none
            ? "" : ", tokenizer \(identity.facts.tokenizer.kind.rawValue), vocabulary \(identity.sizes.vocabularySize)"
        let labels = identity.facts.labels.map { ", \(counted($0.outputs, "output"))" } ?? ""
        return [
            "\(checkpoint.directory): \(origin)",
            "model \(configuration.model.family.rawValue), objective \(configuration.prediction.kind.rawValue), "
                + "context \(identity.sizes.contextLength), precision \(configuration.precision.rawValue)\(tokenizer)"
                + labels,
            "digest \(checkpoint.digest)",
        ]
    }

    private var files: String {
        aligned(
            [["file", "bytes"]] + checkpoint.manifest.files.map { [$0.name, grouped($0.size)] }
                + [["", grouped(checkpoint.manifest.files.reduce(0) { $0 + $1.size })]])
    }

    /// The report as one JSON object.
    package var json: JSON {
        let (state, configuration, sizes) = (checkpoint.state, identity.configuration, identity.sizes)
        let parts = ModelPart.sums(rows.map { ($0.name, $0.count) }).map {
            JSON.Member($0.part.rawValue, .integer($0.count))
        }
        let files: [JSON] = checkpoint.manifest.files.map { ["name": .string($0.name), "bytes": .integer($0.size)] }
        return .object([
            .init("checkpoint", .string(checkpoint.directory)), .init("step", .integer(checkpoint.step)),
            .init("digest", .string(checkpoint.digest)),
            .init("family", .string(configuration.model.family.rawValue)),
            .init("objective", .string(configuration.prediction.kind.rawValue)),
            .init("precision", .string(configuration.precision.rawValue)),
            .init("context_length", .integer(sizes.contextLength)),
            .init("vocabulary_size", .integer(sizes.vocabularySize)),
            .init("consumed_samples", .integer(state.consumedSamples)),
            .init("validation_loss", state.validationLoss.map(JSON.number) ?? .null),
            .init("parameters", .integer(parameterCount)), .init("non_finite", .integer(nonFinite)),
            .init("parts", .object(parts)), .init("tied", .array(ties.map(JSON.string))),
            .init("tensors", .array(rows.map(\.json))), .init("files", .array(files)),
        ])
    }
}

extension TensorStatistics {
    /// What is notable about the numbers; empty for usual weights.
    fileprivate var remark: String {
        if nonFinite > 0 { return "\(grouped(nonFinite)) not finite" }
        if zeros == count { return "all zero" }
        return ""
    }
}
