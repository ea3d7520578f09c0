import Failures
import Tensors

// B sequences, T positions, S source positions.

/// The sequences of one micro-batch (slot) with their targets, in memory that is allocated once.
///
/// Sequences are appended at the full length of the shape; `close` then shortens all of them to the length of the
/// longest, to save computation on padding.
package final class Batch {
    /// The maximum number of sequences.
    package let capacity: Int
    /// The fields of the sequences and their maximum sizes.
    package let shape: BatchShape
    /// B: the current number of sequences.
    package private(set) var sequenceCount = 0
    /// T: the number of positions per sequence.
    package private(set) var positions: Int
    /// S: the number of positions per source.
    package private(set) var sourcePositions: Int
    /// The number of targets that are not ignored.
    package private(set) var targetCount = 0
    /// The fields of the sequences: [capacity, T] as allocated, [B, T] after `close`.
    package let fields: SequenceFields
    /// [B]: the length of each sequence without padding.
    package let lengths: UnsafeMutablePointer<Int32>
    /// [B]: the length of each source without padding; nil without sources.
    package let sourceLengths: UnsafeMutablePointer<Int32>?
    /// [B]: the length of each prefix; nil without prefixes.
    package let prefixLengths: UnsafeMutablePointer<Int32>?
    /// [B]: the global index of each sequence, which is unique in a training run; in evaluation, the index of the
    /// sample.
    package let sampleIndices: UnsafeMutablePointer<UInt64>

    /// T is rounded up to a multiple of this, but not beyond the shape's length.
    private static let positionStep = 8

    /// An empty batch of at most `capacity` sequences.
    ///
    /// - Throws: `usage` if it would exceed 2³¹ − 1 tokens.
    package init(capacity: Int, _ shape: BatchShape) throws(Failure) {
        let (tokens, overflows) = capacity.multipliedReportingOverflow(by: max(shape.positions, shape.patchNumbers))
        guard capacity > 0, shape.positions > 0, !overflows, tokens <= Int(Int32.max) else {
            throw Failure(
                .usage,
                "\(capacity) sequences of \(shape.positions) tokens in one slot; allowed: 1 to \(Int32.max) tokens. "
                    + "Change batch.sequences or data.context_length.")
        }
        self.capacity = capacity
        self.shape = shape
        positions = shape.positions
        sourcePositions = shape.positions
        func zeros<Number: Numeric>(_ isPresent: Bool = true) -> UnsafeMutablePointer<Number>? {
            if !isPresent { return nil }
            let memory = UnsafeMutablePointer<Number>.allocate(capacity: capacity)
            memory.initialize(repeating: 0, count: capacity)
            return memory
        }
        fields = SequenceFields(shape, count: capacity)
        lengths = zeros()!
        sourceLengths = zeros(shape.hasSource)
        prefixLengths = zeros(shape.hasPrefixes)
        sampleIndices = zeros()!
    }

    deinit {
        fields.deallocate()
        for memory in [lengths, sourceLengths, prefixLengths] { memory?.deallocate() }
        sampleIndices.deallocate()
    }

    /// Removes all sequences.
    func removeAll() {
        sequenceCount = 0
        targetCount = 0
        positions = shape.positions
        sourcePositions = shape.positions
    }

    /// Appends sample number `sample`.
    func append(_ sample: Int, of samples: any Samples, _ draw: SampleDraw) throws(Failure) {
        precondition(
            sequenceCount < capacity && samples.shape == shape, "no space for the sample, or a sample of another shape")
        var row = SampleRow(self, sequenceCount)
        try samples.load(sample, draw, into: &row)
        lengths[sequenceCount] = Int32(row.length)
        sourceLengths?[sequenceCount] = Int32(row.sourceLength)
        prefixLengths?[sequenceCount] = Int32(row.prefixLength)
        targetCount += row.targetCount
        sampleIndices[sequenceCount] = draw.index
        sequenceCount += 1
    }

    /// Shortens all sequences to the length of the longest, after all have been appended.
    func close() {
        if shape.hasLengths {
            let longest = shortened(lengths)
            let targets = shape.hasTargetPerPosition ? fields.classTargets : nil
            for field in [fields.tokens, targets, fields.positionIDs, fields.spanPositionIDs, fields.documentStarts] {
                shorten(field, to: longest)
            }
            shorten(fields.noise, to: longest, each: shape.noise)
            positions = longest
        }
        if let sourceLengths {
            sourcePositions = shortened(sourceLengths)
            shorten(fields.sourceTokens, to: sourcePositions)
        }
    }

    private func shortened(_ lengths: UnsafePointer<Int32>) -> Int {
        var longest = 1
        for b in 0..<sequenceCount { longest = max(longest, Int(lengths[b])) }
        let step = Batch.positionStep
        return min(shape.positions, (longest + step - 1) / step * step)
    }

    private func shorten(_ field: UnsafeMutablePointer<Int32>?, to positions: Int, each: Int = 1) {
        guard let field, positions < shape.positions else { return }
        // Rows only move towards lower addresses.
        for b in 1..<max(1, sequenceCount) {
            (field + b * positions * each)
                .update(from: field + b * shape.positions * each, count: positions * each)
        }
    }
}

extension Batch {
    /// The sequences as input of a model.
    package var input: ModelInput {
        var input = ModelInput(sequences: sequenceCount, positions: positions)
        input.tokens = fields.tokens.map {
            TokenInput(tokens: $0, positionIDs: fields.positionIDs, spanPositionIDs: fields.spanPositionIDs)
        }
        input.patches = UnsafePointer(fields.patches)
        if shape.hasLengths { input.lengths = UnsafePointer(lengths) }
        input.prefixLengths = UnsafePointer(prefixLengths)
        input.documentStarts = UnsafePointer(fields.documentStarts)
        if let sourceTokens = fields.sourceTokens, let sourceLengths {
            input.source = SourceInput(tokens: sourceTokens, positions: sourcePositions, lengths: sourceLengths)
        }
        return input
    }

    /// The targets of the sequences.
    package var targets: Targets {
        if let valueTargets = fields.valueTargets { return .values(valueTargets) }
        guard let classTargets = fields.classTargets else { preconditionFailure("the batch has no targets") }
        if let noise = fields.noise { return .sampled(classTargets, noise: noise, count: shape.noise) }
        return .classes(classTargets)
    }
}

extension Batch {
    /// Fills the batch with random sequences of full length for benchmarks; the contents depend on the seed.
    ///
    /// - Parameters:
    ///   - vocabularySize: The number of tokens; targets at positions are drawn from the same range.
    ///   - outputs: The number of classes, for one target per sequence.
    ///   - targetShare: The fraction of positions with a target, if positions have targets.
    package func fillRandomly(vocabularySize: Int, outputs: Int, targetShare: Double, seed: UInt64) {
        let stream = RandomStream(seed: seed, purpose: .generation)
        let T = shape.positions
        removeAll()
        let range = UInt32(shape.hasTargetPerPosition ? vocabularySize : outputs)
        let prefix = shape.hasPrefixes ? max(1, T - Int((targetShare * Double(T)).rounded())) : 0
        /// True after the prefix or, without prefixes, for the first 100 · `targetShare` of every hundred positions.
        func hasTarget(_ index: Int) -> Bool {
            shape.hasPrefixes ? index % T >= prefix : Double(index % 100) < 100 * targetShare
        }
        for index in 0..<capacity * T {
            let words = stream.words(UInt64(index))
            fields.tokens?[index] = Int32(words.x % UInt32(vocabularySize))
            fields.sourceTokens?[index] = Int32(words.z % UInt32(vocabularySize))
            if index < capacity * shape.targets(positions: T) {
                let hasTarget = !shape.hasTargetPerPosition || hasTarget(index)
                fields.classTargets?[index] = hasTarget ? Int32(words.y % range) : ignoredTarget
            }
            if let positionIDs = fields.positionIDs, let spanPositionIDs = fields.spanPositionIDs {
                // After the prefix come spans, which fill positions of the prefix.
                let position = index % T
                positionIDs[index] = position < prefix ? Int32(position) : Int32(words.w % UInt32(prefix))
                spanPositionIDs[index] = position < prefix ? 0 : Int32(1 + (position - prefix) % 4)
            }
        }
        for index in 0..<capacity * T * shape.noise {
            fields.noise?[index] = Int32(stream.words(UInt64(index)).w % UInt32(vocabularySize))
        }
        for index in 0..<capacity * shape.patchNumbers {
            fields.patches?[index] = Float(stream.uniform(UInt64(index)))
        }
        for index in 0..<capacity * shape.values {
            fields.valueTargets?[index] = stream.uniform(UInt64(index)) < 0.5 ? 0 : 1
        }
        for sequence in 0..<capacity {
            lengths[sequence] = Int32(T)
            sourceLengths?[sequence] = Int32(T)
            prefixLengths?[sequence] = Int32(prefix)
            sampleIndices[sequence] = UInt64(sequence)
        }
        sequenceCount = capacity
        targetCount = capacity * shape.values
        if let classTargets = fields.classTargets {
            for index in 0..<capacity * shape.targets(positions: T) where classTargets[index] != ignoredTarget {
                targetCount += 1
            }
        }
    }
}
