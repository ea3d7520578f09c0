import Checkpoints
import Collectives
import Failures
import Files
import Inference
import Models
import Optimizers
import Reporting
import Settings
import Tensors
import Texts

/// The parameters of a model: names, shapes and counts, as `fine_tuning.load`, `optimizer.freeze` and
/// `optimizer.groups` select them.
package struct ParameterTable {
    private struct Row {
        let name: String
        let shape: [Int]
        /// What a training does with it, such as "frozen".
        var remarks: [String] = []

        var count: Int { shape.reduce(1, *) }
    }

    private let rows: [Row]

    /// The parameters in a checkpoint's file of weights, in the order in which they stand there.
    ///
    /// - Throws: `badData` where the file is damaged.
    package init(_ checkpoint: Checkpoint) throws(Failure) {
        rows = try checkpoint.openTensors(modelFileName).tensors.map { Row(name: $0.name, shape: $0.shape) }
    }

    /// The parameters that a training of `configuration` has; those that it freezes and loads are marked.
    ///
    /// - Throws: `usage` or `badData` where the dataset, which decides about some of their shapes, does not fit; `usage`
    ///   where a pattern names no parameter.
    package init(_ configuration: Configuration, _ communicator: any Communicator) throws(Failure) {
        let data = try TrainingData(configuration, communicator)
        let layout = Transformer<Float>(configuration.model, data.sizes).layout
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

    /// A line a parameter, and the sums.
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

    /// The same as one object.
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
