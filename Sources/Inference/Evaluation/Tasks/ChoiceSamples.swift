import Datasets
import Failures
import Tensors

/// Sequences in memory, with a target at each position whose next token belongs to a choice.
final class ChoiceSamples: Samples {
    /// A sequence of at least two tokens.
    struct Sequence: Equatable, Sendable {
        var tokens: [Int32]
        /// Whether each token belongs to the choice.
        var isChoice: [Bool]
    }

    let shape: BatchShape
    private let sequences: [Sequence]

    /// The samples of at least one sequence, each of at most T + 1 tokens.
    init(_ sequences: [Sequence], contextLength: Int) {
        self.sequences = sequences
        var shape = BatchShape(positions: contextLength)
        shape.hasLengths = true
        self.shape = shape
    }

    var count: Int { sequences.count }

    func length(of sample: Int) -> Int { sequences[sample].tokens.count - 1 }

    func load(_ sample: Int, _ draw: SampleDraw, into row: inout SampleRow) throws(Failure) {
        let sequence = sequences[sample]
        let count = sequence.tokens.count - 1
        row.targetCount = 0
        for position in 0..<count {
            row.fields.tokens![position] = sequence.tokens[position]
            let isTarget = sequence.isChoice[position + 1]
            row.fields.classTargets![position] = isTarget ? sequence.tokens[position + 1] : ignoredTarget
            row.targetCount += isTarget ? 1 : 0
        }
        row.pad(from: count)
    }
}
