// N sequences, T positions.

/// The fields of consecutive sequences; the elements of a sequence are contiguous. Fields that the shape lacks are nil.
package struct SequenceFields {
    /// [N, T].
    package let tokens: UnsafeMutablePointer<Int32>?
    /// [N, T], or [N] with one target per sequence: a token, a class, or `ignoredTarget`.
    package let classTargets: UnsafeMutablePointer<Int32>?
    /// [N, values]: target values.
    package let valueTargets: UnsafeMutablePointer<Float>?
    /// [N, T]: source tokens.
    package let sourceTokens: UnsafeMutablePointer<Int32>?
    /// [N, T]: the position ID of each token.
    package let positionIDs: UnsafeMutablePointer<Int32>?
    /// [N, T]: the position of each token in the span that it belongs to, 0 in the prefix.
    package let spanPositionIDs: UnsafeMutablePointer<Int32>?
    /// [N, T]: for each position, the first position of its document.
    package let documentStarts: UnsafeMutablePointer<Int32>?
    /// [N, T, noise]: the noise tokens of each target, or `ignoredTarget`.
    package let noise: UnsafeMutablePointer<Int32>?
    /// [N, elements of an image].
    package let patches: UnsafeMutablePointer<Float>?

    /// Allocates the fields of `count` sequences, all 0.
    init(_ shape: BatchShape, count: Int) {
        func field<Number: Numeric>(_ isPresent: Bool, _ each: Int) -> UnsafeMutablePointer<Number>? {
            if !isPresent { return nil }
            let memory = UnsafeMutablePointer<Number>.allocate(capacity: count * each)
            memory.initialize(repeating: 0, count: count * each)
            return memory
        }
        let T = shape.positions
        tokens = field(shape.patchNumbers == 0, T)
        classTargets = field(shape.values == 0, shape.targets(positions: T))
        valueTargets = field(shape.values > 0, shape.values)
        sourceTokens = field(shape.hasSource, T)
        positionIDs = field(shape.hasPrefixes, T)
        spanPositionIDs = field(shape.hasPrefixes, T)
        documentStarts = field(shape.hasDocuments, T)
        noise = field(shape.noise > 0, T * shape.noise)
        patches = field(shape.patchNumbers > 0, shape.patchNumbers)
    }

    /// The fields of sequence `index` and the following ones.
    init(_ fields: SequenceFields, from index: Int, _ shape: BatchShape) {
        let T = shape.positions
        tokens = fields.tokens.map { $0 + index * T }
        classTargets = fields.classTargets.map { $0 + index * shape.targets(positions: T) }
        valueTargets = fields.valueTargets.map { $0 + index * shape.values }
        sourceTokens = fields.sourceTokens.map { $0 + index * T }
        positionIDs = fields.positionIDs.map { $0 + index * T }
        spanPositionIDs = fields.spanPositionIDs.map { $0 + index * T }
        documentStarts = fields.documentStarts.map { $0 + index * T }
        noise = fields.noise.map { $0 + index * T * shape.noise }
        patches = fields.patches.map { $0 + index * shape.patchNumbers }
    }

    /// Frees the memory that `init(_:count:)` allocated.
    func deallocate() {
        for field in [tokens, classTargets, sourceTokens, positionIDs, spanPositionIDs, documentStarts, noise] {
            field?.deallocate()
        }
        for field in [valueTargets, patches] { field?.deallocate() }
    }
}
