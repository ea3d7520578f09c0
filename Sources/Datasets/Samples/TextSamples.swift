import Failures

/// The samples of a text in memory for causal language modelling: those of `CausalSamples`, without documents. The text
/// may be shorter than the context.
package final class TextSamples: Samples {
    package let count: Int
    package let shape: BatchShape
    private let tokens: [Int32]

    /// The samples of `tokens`, at least two.
    package init(_ tokens: [Int32], contextLength: Int) {
        precondition(tokens.count > 1, "a token and its target")
        self.tokens = tokens
        shape = BatchShape(positions: contextLength)
        count = (tokens.count - 2) / contextLength + 1
    }

    package func length(of sample: Int) -> Int { shape.positions }

    package func load(_ sample: Int, _ draw: SampleDraw, into row: inout SampleRow) {
        let first = sample * shape.positions
        row.targetCount = min(shape.positions, tokens.count - 1 - first)
        for position in 0..<row.targetCount {
            row.fields.tokens![position] = tokens[first + position]
            row.fields.classTargets![position] = tokens[first + position + 1]
        }
        row.pad(from: row.targetCount)
    }
}
