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
    /// [B, T].
    package let tokens: UnsafeMutablePointer<Int32>
    /// [B, T], or [B] with one target per sequence: a token, a class, or `ignoredTarget`.
    package let targets: UnsafeMutablePointer<Int32>
    /// [B]: the length of each sequence without padding.
    package let lengths: UnsafeMutablePointer<Int32>
    /// [B, S] source tokens, and [B] their lengths without padding.
    package let sourceTokens: UnsafeMutablePointer<Int32>
    package let sourceLengths: UnsafeMutablePointer<Int32>
    /// [B]: the length of each prefix.
    package let prefixes: UnsafeMutablePointer<Int32>
    /// [B, T]: the position ID of each token, and its position in the span that it belongs to (0 in the prefix).
    package let places: UnsafeMutablePointer<Int32>
    package let spanPlaces: UnsafeMutablePointer<Int32>
    /// [B, T]: for each position, the first position of its document.
    package let documentStarts: UnsafeMutablePointer<Int32>
    /// [B, elements of an image].
    package let patches: UnsafeMutablePointer<Float>
    /// [B, values]: real-valued targets.
    package let values: UnsafeMutablePointer<Float>
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
        func integers(_ isCarried: Bool, _ each: Int) -> UnsafeMutablePointer<Int32> {
            let count = isCarried ? capacity * each : 0
            let memory = UnsafeMutablePointer<Int32>.allocate(capacity: max(1, count))
            memory.initialize(repeating: 0, count: max(1, count))
            return memory
        }
        func numbers(_ each: Int) -> UnsafeMutablePointer<Float> {
            let memory = UnsafeMutablePointer<Float>.allocate(capacity: max(1, capacity * each))
            memory.initialize(repeating: 0, count: max(1, capacity * each))
            return memory
        }
        let T = shape.positions
        self.tokens = integers(shape.patchNumbers == 0, T)
        targets = integers(true, shape.targets(positions: T))
        lengths = integers(true, 1)
        sourceTokens = integers(shape.hasSource, T)
        sourceLengths = integers(shape.hasSource, 1)
        prefixes = integers(shape.hasPrefixes, 1)
        places = integers(shape.hasPrefixes, T)
        spanPlaces = integers(shape.hasPrefixes, T)
        documentStarts = integers(shape.hasDocuments, T)
        patches = numbers(shape.patchNumbers)
        values = numbers(shape.values)
        sampleIndices = .allocate(capacity: capacity)
        sampleIndices.initialize(repeating: 0, count: capacity)
    }

    deinit {
        for memory in [
            tokens, targets, lengths, sourceTokens, sourceLengths, prefixes, places, spanPlaces, documentStarts,
        ] { memory.deallocate() }
        patches.deallocate()
        values.deallocate()
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
        precondition(sequenceCount < capacity && samples.shape == shape, "no room for the sample")
        var row = SampleRow(self, sequenceCount)
        try samples.load(sample, draw, into: &row)
        lengths[sequenceCount] = Int32(row.length)
        if shape.hasSource { sourceLengths[sequenceCount] = Int32(row.sourceLength) }
        if shape.hasPrefixes { prefixes[sequenceCount] = Int32(row.prefix) }
        targetCount += row.targetCount
        sampleIndices[sequenceCount] = draw.index
        sequenceCount += 1
    }

    /// Shortens all sequences to the length of the longest, after all have been appended.
    func close() {
        if shape.hasLengths {
            let longest = shortened(lengths)
            shorten(tokens, to: longest)
            if shape.hasTargetPerPosition { shorten(targets, to: longest) }
            if shape.hasPrefixes {
                shorten(places, to: longest)
                shorten(spanPlaces, to: longest)
            }
            if shape.hasDocuments { shorten(documentStarts, to: longest) }
            positions = longest
        }
        if shape.hasSource {
            sourcePositions = shortened(sourceLengths)
            shorten(sourceTokens, to: sourcePositions)
        }
    }

    private func shortened(_ lengths: UnsafePointer<Int32>) -> Int {
        var longest = 1
        for b in 0..<sequenceCount { longest = max(longest, Int(lengths[b])) }
        let step = Batch.positionStep
        return min(shape.positions, (longest + step - 1) / step * step)
    }

    private func shorten(_ memory: UnsafeMutablePointer<Int32>, to positions: Int) {
        if positions == shape.positions { return }
        // Rows only move towards lower addresses.
        for b in 1..<max(1, sequenceCount) {
            (memory + b * positions).update(from: memory + b * shape.positions, count: positions)
        }
    }
}

extension Batch {
    /// Fills the batch with random sequences of full length for benchmarks; the contents depend on the seed.
    ///
    /// - Parameters:
    ///   - vocabularySize: The number of tokens, also for targets at positions.
    ///   - outputs: The number of classes, for one target per sequence.
    ///   - targetShare: The fraction of positions with a target, if positions have targets.
    package func fillRandomly(vocabularySize: Int, outputs: Int, targetShare: Double, seed: UInt64) {
        let stream = RandomStream(seed: seed, purpose: .generation)
        let T = shape.positions
        removeAll()
        let range = UInt32(shape.hasTargetPerPosition ? vocabularySize : outputs)
        let prefix = shape.hasPrefixes ? max(1, T - Int((targetShare * Double(T)).rounded())) : 0
        /// True after the prefix or, without prefixes, for the first `targetShare` of every hundred positions.
        func hasTarget(_ index: Int) -> Bool {
            shape.hasPrefixes ? index % T >= prefix : Double(index % 100) < 100 * targetShare
        }
        for index in 0..<capacity * T {
            let words = stream.words(UInt64(index))
            if shape.patchNumbers == 0 { tokens[index] = Int32(words.x % UInt32(vocabularySize)) }
            if shape.hasSource { sourceTokens[index] = Int32(words.z % UInt32(vocabularySize)) }
            if index < capacity * shape.targets(positions: T) {
                targets[index] = Int32(words.y % range)
                if shape.hasTargetPerPosition, !hasTarget(index) { targets[index] = ignoredTarget }
            }
            if shape.hasPrefixes {
                // After the prefix come spans, which fill positions of the prefix.
                let place = index % T
                places[index] = place < prefix ? Int32(place) : Int32(words.w % UInt32(prefix))
                spanPlaces[index] = place < prefix ? 0 : Int32(1 + (place - prefix) % 4)
            }
        }
        for index in 0..<capacity * shape.patchNumbers { patches[index] = Float(stream.uniform(UInt64(index))) }
        for index in 0..<capacity * shape.values { values[index] = stream.uniform(UInt64(index)) < 0.5 ? 0 : 1 }
        for sequence in 0..<capacity {
            lengths[sequence] = Int32(T)
            if shape.hasSource { sourceLengths[sequence] = Int32(T) }
            if shape.hasPrefixes { prefixes[sequence] = Int32(prefix) }
            sampleIndices[sequence] = UInt64(sequence)
        }
        sequenceCount = capacity
        targetCount = capacity * shape.values
        if shape.values == 0 {
            for index in 0..<capacity * shape.targets(positions: T) where targets[index] != ignoredTarget {
                targetCount += 1
            }
        }
    }
}
