import Failures
import Tensors

/// Memory for some sequences of T tokens with their targets, allocated once and filled again and again.
package final class TokenBatch {
    /// The target of a position that counts for nothing.
    package static let ignoredTarget: Int32 = -1

    /// The most sequences that it holds.
    package let capacity: Int
    /// T: positions in a sequence.
    package let contextLength: Int
    /// The sequences that it holds now.
    package internal(set) var sequenceCount = 0
    /// The targets that are not ignored, of all its sequences.
    package internal(set) var targetCount = 0
    /// Tokens, shape [sequenceCount, T].
    package let inputs: UnsafeMutablePointer<Int32>
    /// For each input the token that follows it, or `ignoredTarget`; shape [sequenceCount, T].
    package let targets: UnsafeMutablePointer<Int32>
    /// For each sequence its global index, which is never used again in a training; shape [sequenceCount].
    /// In evaluation, its sample.
    package let sampleIndices: UnsafeMutablePointer<UInt64>

    /// An empty batch, with room for `capacity` sequences.
    ///
    /// - Throws: `usage` where it would take more than 2³¹ tokens.
    package init(capacity: Int, contextLength: Int) throws(Failure) {
        let (tokens, overflows) = capacity.multipliedReportingOverflow(by: contextLength)
        guard capacity > 0, contextLength > 0, !overflows, tokens <= Int(Int32.max) else {
            throw Failure(
                .usage,
                "\(capacity) sequences of \(contextLength) tokens on one rank; from 1 to \(Int32.max) tokens are "
                    + "allowed. Change batch.sequences or data.context_length.")
        }
        self.capacity = capacity
        self.contextLength = contextLength
        inputs = .allocate(capacity: tokens)
        targets = .allocate(capacity: tokens)
        sampleIndices = .allocate(capacity: capacity)
    }

    deinit {
        inputs.deallocate()
        targets.deallocate()
        sampleIndices.deallocate()
    }

    /// Makes the batch empty.
    func removeAll() {
        sequenceCount = 0
        targetCount = 0
    }

    /// Appends a sample under the index that it is known by.
    func append(_ sample: Int, of samples: CausalSamples, index: UInt64) throws(Failure) {
        precondition(sequenceCount < capacity && samples.contextLength == contextLength, "no room for the sample")
        let start = sequenceCount * contextLength
        targetCount += try samples.load(sample, inputs: inputs + start, targets: targets + start)
        sampleIndices[sequenceCount] = index
        sequenceCount += 1
    }
}

extension TokenBatch {
    /// A full batch of tokens that mean nothing, for measuring.
    package convenience init(
        randomSequences count: Int, contextLength: Int, vocabularySize: Int, seed: UInt64
    ) throws(Failure) {
        try self.init(capacity: count, contextLength: contextLength)
        fillRandomly(vocabularySize: vocabularySize, seed: seed)
    }

    /// Fills the batch with other tokens that mean nothing for every seed.
    package func fillRandomly(vocabularySize: Int, seed: UInt64) {
        let stream = RandomStream(seed: seed, purpose: .generation)
        for index in 0..<capacity * contextLength {
            let words = stream.words(UInt64(index))
            inputs[index] = Int32(words.x % UInt32(vocabularySize))
            targets[index] = Int32(words.y % UInt32(vocabularySize))
        }
        for sequence in 0..<capacity { sampleIndices[sequence] = UInt64(sequence) }
        sequenceCount = capacity
        targetCount = capacity * contextLength
    }
}
