import Tensors
import Tokenizers

/// Draws another segmentation of the words of training samples each time they are read.
package struct SubwordNoise: Sendable {
    private let sampler: SubwordSampler?

    /// The noise of a sampler; nil: none.
    package init(_ sampler: SubwordSampler?) { self.sampler = sampler }

    /// Replaces `tokens` by another segmentation. If that has more than `limit` tokens, it is not used.
    ///
    /// - Parameters:
    ///   - column: The number of the text in its sample; texts of different numbers have other random numbers.
    ///   - draw: The random numbers of the sample.
    /// - Returns: The new number of tokens.
    func apply(
        _ tokens: UnsafeMutablePointer<Int32>, count: Int, limit: Int, column: UInt64, _ draw: SampleDraw
    ) -> Int {
        guard draw.isTraining, let sampler else { return count }
        let random = draw.stream(.augmentation)
        // Beyond the numbers of tokens, which other augmentations draw by.
        var next = (column + 1) << 40
        let found = sampler.resegment(UnsafeBufferPointer(start: tokens, count: count)) {
            next += 1
            return random.uniform(next)
        }
        guard found.count <= limit else { return count }
        for (index, token) in found.enumerated() { tokens[index] = token }
        return found.count
    }
}
