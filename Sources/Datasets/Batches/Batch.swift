import Failures
import Tensors

// B sequences, T positions, S positions of the source.

/// The sequences of one slot with what is predicted of them, in memory that is allocated once.
///
/// Sequences are appended at the full length of the shape; `close` then brings them to the length of the longest, so that
/// little is computed for padding.
package final class Batch {
    /// The target of a position that counts for nothing.
    package static let ignoredTarget: Int32 = -1

    /// The most sequences that it holds.
    package let capacity: Int
    /// What they carry.
    package let shape: BatchShape
    /// B: the sequences that it holds now.
    package private(set) var sequenceCount = 0
    /// T: the positions of each of them.
    package private(set) var positions: Int
    /// S: the positions of each source.
    package private(set) var sourcePositions: Int
    /// The targets that are not ignored, of all its sequences.
    package private(set) var targetCount = 0
    /// [B, T].
    package let tokens: UnsafeMutablePointer<Int32>
    /// [B, T], or [B] where there is one for each sequence: a token or a class, or `ignoredTarget`.
    package let targets: UnsafeMutablePointer<Int32>
    /// [B]: the positions that are not padding.
    package let lengths: UnsafeMutablePointer<Int32>
    /// [B, S]; [B].
    package let sourceTokens: UnsafeMutablePointer<Int32>
    package let sourceLengths: UnsafeMutablePointer<Int32>
    /// [B]: the positions of the prefix.
    package let prefixes: UnsafeMutablePointer<Int32>
    /// [B, T]: the place of each position, and its place in the span that it fills in.
    package let places: UnsafeMutablePointer<Int32>
    package let spanPlaces: UnsafeMutablePointer<Int32>
    /// [B, T]: the first position of the document of each.
    package let documentStarts: UnsafeMutablePointer<Int32>
    /// [B, numbers of an image].
    package let patches: UnsafeMutablePointer<Float>
    /// [B, values].
    package let values: UnsafeMutablePointer<Float>
    /// [B]; for each sequence its global index, which is never used again in a training. In evaluation, its sample.
    package let sampleIndices: UnsafeMutablePointer<UInt64>

    /// The positions of a batch are a multiple of this, or all that there are.
    private static let positionStep = 8

    /// An empty batch, with room for `capacity` sequences.
    ///
    /// - Throws: `usage` where it would take more than 2³¹ tokens.
    package init(capacity: Int, _ shape: BatchShape) throws(Failure) {
        let (tokens, overflows) = capacity.multipliedReportingOverflow(by: max(shape.positions, shape.patchNumbers))
        guard capacity > 0, shape.positions > 0, !overflows, tokens <= Int(Int32.max) else {
            throw Failure(
                .usage,
                "\(capacity) sequences of \(shape.positions) tokens in one slot; from 1 to \(Int32.max) tokens are "
                    + "allowed. Change batch.sequences or data.context_length.")
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

    /// Makes the batch empty.
    func removeAll() {
        sequenceCount = 0
        targetCount = 0
        positions = shape.positions
        sourcePositions = shape.positions
    }

    /// Appends a sample.
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

    /// Brings all sequences to the length of the longest, once all are appended.
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
        // Rows only move towards the beginning.
        for b in 1..<max(1, sequenceCount) {
            (memory + b * positions).update(from: memory + b * shape.positions, count: positions)
        }
    }
}

extension Batch {
    /// Fills the batch with sequences of full length that mean nothing, for measuring; others for every seed.
    ///
    /// - Parameters:
    ///   - vocabularySize: Of tokens, and of targets for each position.
    ///   - outputs: The classes, or the values, of a target for each sequence.
    ///   - targetShare: The part of the positions that has a target, where each may have one.
    package func fillRandomly(vocabularySize: Int, outputs: Int, targetShare: Double, seed: UInt64) {
        let stream = RandomStream(seed: seed, purpose: .generation)
        let T = shape.positions
        removeAll()
        let range = UInt32(shape.hasTargetPerPosition ? vocabularySize : outputs)
        let prefix = shape.hasPrefixes ? max(1, T - Int((targetShare * Double(T)).rounded())) : 0
        /// What stands behind a prefix, or as many of the first positions of every hundred as have one.
        func hasTarget(_ index: Int) -> Bool {
            shape.hasPrefixes ? index % T >= prefix : Double(index % 100) < 100 * targetShare
        }
        for index in 0..<capacity * T {
            let words = stream.words(UInt64(index))
            if shape.patchNumbers == 0 { tokens[index] = Int32(words.x % UInt32(vocabularySize)) }
            if shape.hasSource { sourceTokens[index] = Int32(words.z % UInt32(vocabularySize)) }
            if index < capacity * shape.targets(positions: T) {
                targets[index] = Int32(words.y % range)
                if shape.hasTargetPerPosition, !hasTarget(index) { targets[index] = Batch.ignoredTarget }
            }
            if shape.hasPrefixes {
                // Behind the prefix, spans fill in places of it.
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
            for index in 0..<capacity * shape.targets(positions: T) where targets[index] != Batch.ignoredTarget {
                targetCount += 1
            }
        }
    }
}
