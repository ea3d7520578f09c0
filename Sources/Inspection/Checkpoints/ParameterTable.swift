import Checkpoints
import Datasets
import Failures
import Files
import Inference
import Models
import Optimizers
import Reporting
import Settings

/// The parameters of a model: names, shapes and counts, as `fine_tuning.load`, `optimizer.freeze` and
/// `optimizer.groups` select them.
package struct ParameterTable {
    private struct Row {
        let name: String
        let shape: [Int]
        /// Annotations on how training treats it, such as "frozen".
        var remarks: [String] = []

        var count: Int { shape.reduce(1, *) }
    }

    private let rows: [Row]

    /// Lists the parameters in a checkpoint's weight file, in file order.
    ///
    /// - Throws: `badData` if the file is damaged.
    package init(_ checkpoint: Checkpoint) throws(Failure) {
        rows = try checkpoint.openTensors(modelFileName).tensors.map { Row(name: $0.name, shape: $0.shape) }
    }

    /// Lists the parameters of a training run with `configuration`; frozen and loaded ones are marked.
    ///
    /// - Throws: `usage` or `badData` if the dataset, which determines some of the shapes, does not match the
    ///   configuration; `usage` if a pattern matches no parameter.
    package init(_ configuration: Configuration) throws(Failure) {
        let layout = try configuration.model.layout(configuration.sizesToShow())
        let rules = try ParameterRules(configuration.optimizer, layout).indices
        let loaded =
            configuration.fineTuning.from == nil
            ? [] : Set(try configuration.fineTuning.selection(layout).map(\.name))
        rows = zip(layout.parameters, rules).map { parameter, rule in
            var row = Row(name: parameter.name, shape: parameter.shape)
            if rule == nil { row.remarks.append("frozen") }
            if loaded.contains(parameter.name) { row.remarks.append("loaded") }
            return row
        }
    }

    private var total: Int { rows.reduce(0) { $0 + $1.count } }

    /// The table as text: one line per parameter, and the totals.
    package var text: String {
        let hasRemarks = rows.contains { !$0.remarks.isEmpty }
        func line(_ row: Row) -> [String] {
            [row.name, row.shape.map(String.init).joined(separator: " × "), grouped(row.count)]
                + (hasRemarks ? [row.remarks.joined(separator: ", ")] : [])
        }
        let sum = ["\(rows.count) tensors", "", grouped(total)] + (hasRemarks ? [""] : [])
        return aligned(
            [["name", "shape", "parameters"] + (hasRemarks ? [""] : [])] + rows.map(line) + [sum])
    }

    /// The table as one JSON object.
    package var json: JSON {
        [
            "parameters": .array(
                rows.map { row in
                    [
                        "name": .string(row.name), "shape": .array(row.shape.map { .integer($0) }),
                        "count": .integer(row.count),
                    ]
                }),
            "count": .integer(total),
        ]
    }
}

extension Configuration {
    /// The sizes of the model: those of its dataset or, if there is none yet, those that the configuration itself
    /// defines.
    ///
    /// - Throws: `usage` if the dataset does not fit or, without one, if the shape of a parameter depends on it.
    fileprivate func sizesToShow() throws(Failure) -> ModelSizes {
        let directory = data.directory
        if FileSystem.exists(directory) {
            let dataset = try Dataset.open(
                directory, vocabularySize: model.vocabularySize > 0 ? model.vocabularySize : nil)
            return try sizes(of: dataset.facts, vocabularySize: dataset.vocabularySize, name: directory)
        }
        func missing(_ what: String, _ remedy: String) -> Failure {
            Failure(
                .usage,
                "--show parameters: the shapes depend on \(what) of the dataset, but \(directory) does not exist. \(remedy)"
            )
        }
        let architecture = model.family.architecture
        guard architecture.input == .tokens, architecture.output != .sequence else {
            throw missing(
                architecture.input == .tokens
                    ? "the vocabulary and the labels" : "the size of the images and the labels",
                "Prepare the dataset, or set data.directory to one with the same labels.")
        }
        guard model.vocabularySize > 0 else {
            throw missing(
                "the vocabulary",
                "Set model.vocabulary_size to its number of tokens (256 for bytes), or prepare the dataset.")
        }
        return sizes(image: nil, vocabularySize: model.vocabularySize, outputs: 0)
    }
}
