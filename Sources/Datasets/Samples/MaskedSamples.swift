import Failures
import Tensors

/// Samples for masked language modelling: T tokens, of which the selected ones are to be predicted.
///
/// In each sample the same fraction of positions is selected at random, without repetition. Of the selected tokens,
/// 80 % are replaced by the mask token, 10 % by a random token, and 10 % stay unchanged.
///
/// - Source: Devlin et al. 2019 (BERT), arXiv:1810.04805, section 3.1.
package final class MaskedSamples: Samples {
    package let count: Int
    package let shape: BatchShape
    private let stream: TokenStream
    private let maskToken: Int32
    private let share: Double
    private let order: UnsafeMutablePointer<Int32>

    /// The samples of `stream`.
    ///
    /// - Parameters:
    ///   - maskToken: The token that replaces masked tokens.
    ///   - share: The fraction of each sample to select; at least one token is selected.
    /// - Throws: The errors of `CausalSamples`.
    package init(_ stream: TokenStream, contextLength: Int, maskToken: Int32, share: Double) throws(Failure) {
        try stream.require(contextLength, extra: 0)
        self.stream = stream
        self.maskToken = maskToken
        self.share = share
        var shape = BatchShape(positions: contextLength)
        shape.hasLengths = true
        self.shape = shape
        count = (stream.tokenCount - 1) / contextLength + 1
        order = .allocate(capacity: contextLength)
    }

    deinit { order.deallocate() }

    package func length(of sample: Int) -> Int { min(shape.positions, stream.tokenCount - sample * shape.positions) }

    /// - Complexity: O(T); allocates nothing.
    package func load(_ sample: Int, _ draw: SampleDraw, into row: inout SampleRow) throws(Failure) {
        precondition(sample >= 0 && sample < count, "sample outside the split")
        let (tokens, targets) = (row.fields.tokens!, row.fields.classTargets!)
        let length = length(of: sample)
        try stream.read(at: sample * shape.positions, count: length, into: tokens)
        row.pad(from: length)
        targets.update(repeating: ignoredTarget, count: length)
        let chosen = max(1, Int((share * Double(length)).rounded()))
        let random = draw.stream(.masking)
        for index in 0..<length { order[index] = Int32(index) }
        for index in 0..<chosen {
            // The first `chosen` steps of a Fisher–Yates shuffle.
            let words = random.words(UInt64(index))
            let other = index + Int(words.x % UInt32(length - index))
            let position = Int(order[other])
            order[other] = order[index]
            targets[position] = tokens[position]
            switch words.y % 10 {
            case 0: break
            case 1: tokens[position] = Int32(words.z % UInt32(stream.vocabularySize))
            default: tokens[position] = maskToken
            }
        }
        row.targetCount = chosen
    }
}
