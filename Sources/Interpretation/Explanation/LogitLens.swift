import Glibc

/// What each layer of a model would have predicted: the output layer applied to the states after the first blocks.
///
/// - Source: nostalgebraist 2020, "Interpreting GPT: the logit lens".
package struct LogitLens: Sendable {
    /// The prediction after some blocks.
    package struct Layer: Sendable {
        /// The number of blocks; 0: the embeddings alone.
        package let blocks: Int
        /// The most probable class, label or token; nil for a model that predicts a number.
        package let prediction: String?
        /// Its probability, or the number.
        package let value: Double
        /// The probability of the output that is explained, or the number.
        package let explained: Double
    }

    /// The layers, from 0 blocks to all.
    package let layers: [Layer]
}

extension LogitLens {
    /// The lens of a prediction.
    ///
    /// - Parameters:
    ///   - logits: The logits after 0, 1, … blocks.
    ///   - name: The name of an output.
    init(_ logits: [[Float]], _ explained: ExplainedOutput, name: (Int) -> String) {
        self.init(
            layers: logits.enumerated().map { blocks, row in
                let best = row.prefix(explained.classes).indices.max { (row[$0], $1) < (row[$1], $0) } ?? 0
                func probability(_ output: Int) -> Double { explained.probability(row, of: output) }
                return Layer(
                    blocks: blocks, prediction: explained.kind == .numbers ? nil : name(best),
                    value: probability(best), explained: probability(explained.output))
            })
    }
}

extension ExplainedOutput {
    /// The probability of `output`, or the number for a model that predicts one.
    func probability(_ logits: [Float], of output: Int) -> Double {
        switch kind {
        case .classIndex:
            let other = ExplainedOutput(kind: kind, output: output, classes: classes)
            return exp(logits.withUnsafeBufferPointer { other.value($0.baseAddress!) })
        case .labels: return 1 / (1 + exp(-Double(logits[output])))
        case .numbers: return Double(logits[output])
        }
    }
}
