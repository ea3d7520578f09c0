import Kernels
import Layers
import Models
import Numbers
import Tensors
import TestSupport
import Testing

/// Padding has no effect on results.
@Suite struct PaddingTests {
    /// The variants whose sequences have lengths and are shorter than the context. Without dropout, since padding
    /// shifts the element indices that dropout uses.
    static let variants = ModelVariant.all.filter {
        $0.configuration.family != .imageClassifier && $0.configuration.dropoutRates == none
    }
    private static let none = DropoutRates(embedding: 0, attention: 0, residual: 0)

    /// The same sequences and sources with more padding have the same losses and gradients, up to the order of
    /// summation.
    @Test(arguments: variants)
    func paddingDoesNotChangeResults(variant: ModelVariant) {
        let (model, batch) = (variant.model(Float.self), variant.batch())
        let weights: Arena<Float> = model.layout.randomArena(Float.self, seed: 1, deviation: 0.3)
        let (gradients, padded) = (Arena<Float>(count: model.layout.count), Arena<Float>(count: model.layout.count))
        let losses = model.pass(weights, batch, variant.loss, into: gradients)
        let longer = batch.padded(by: 1, seed: 30, counting: false)
        #expect(longer.input.positions == batch.input.positions + 1)
        let tolerance = 16 * Float.unitRoundoff
        expectClose(
            model.pass(weights, longer, variant.loss, into: padded), losses.map(Double.init), absolute: tolerance,
            relative: tolerance, "losses")
        let (actual, expected) = (model.layout.named(padded), model.layout.named(gradients))
        for name in expected.keys.sorted() {
            expectClose(
                actual[name]!, expected[name]!, absolute: tolerance * max(1, expected[name]!.map(abs).max()!), name)
        }
    }

    /// The tokens in the padding are not read: replacing them changes no bit.
    @Test(arguments: variants.filter { $0.lengths != nil })
    func paddingIsNotRead(variant: ModelVariant) {
        let model = variant.model(Float.self)
        let weights: Arena<Float> = model.layout.randomArena(Float.self, seed: 1, deviation: 0.3)
        let batch = variant.batch()
        var other = batch
        let T = batch.input.positions
        for row in batch.input.tokens.indices where row % T >= batch.input.lengths![row / T] {
            other.input.tokens[row] = (batch.input.tokens[row] + 1) % ModelVariant.vocabulary
        }
        for row in batch.input.sourceTokens.indices {
            let S = ModelVariant.sourcePositions
            if row % S >= batch.input.sourceLengths[row / S] {
                other.input.sourceTokens[row] = (batch.input.sourceTokens[row] + 1) % ModelVariant.vocabulary
            }
        }
        #expect(other.input.tokens != batch.input.tokens || other.input.sourceTokens != batch.input.sourceTokens)
        let (gradients, others) = (Arena<Float>(count: model.layout.count), Arena<Float>(count: model.layout.count))
        let losses = model.pass(weights, batch, variant.loss, into: gradients)
        #expect(model.pass(weights, other, variant.loss, into: others) == losses)
        #expect(array(gradients.base, gradients.count) == array(others.base, others.count))
    }

    /// A batch without targets has no losses, and all gradients are 0, including those of the head and its transform.
    @Test(arguments: ModelVariant.all.filter { $0.loss == .crossEntropy(smoothing: 0) }, StorageType.allCases)
    func batchWithoutTargetsHasZeroGradients(variant: ModelVariant, type: StorageType) {
        switch type {
        case .float32: checkWithoutTargets(variant, Float.self)
        case .float16: checkWithoutTargets(variant, Float16.self)
        case .bfloat16: checkWithoutTargets(variant, BFloat16.self)
        }
    }

    private func checkWithoutTargets<Element: Storage>(_ variant: ModelVariant, _: Element.Type) {
        let model = variant.model(Element.self)
        let weights: Arena<Element> = model.layout.randomArena(Element.self, seed: 1, deviation: 0.3)
        let gradients = Arena<Element>(count: model.layout.count)
        _ = model.pass(weights, variant.batch(), variant.loss, into: gradients, gradientScale: 10)
        var batch = variant.batch(seed: 3)
        batch.targets = batch.targets.map { _ in Int(ignoredTarget) }
        #expect(model.pass(weights, batch, variant.loss, into: gradients, variant.dropouts).isEmpty)
        for (name, values) in model.layout.named(gradients) {
            #expect(values.allSatisfy { $0 == 0 }, "\(name)")
        }
    }
}

extension ModelBatch {
    /// Extends the sequences and sources by `count` positions.
    ///
    /// - Parameter counting: Whether the added positions count as part of the sequences and have targets.
    func padded(by count: Int, seed: UInt64, counting: Bool) -> ModelBatch {
        let (B, T, source) = (input.sequences, input.positions, input.sourceTokens)
        func longer(_ rows: [Int], _ filler: (_ sequence: Int, _ index: Int) -> Int) -> [Int] {
            let length = rows.count / B
            return (0..<B).flatMap { b in
                rows[b * length..<(b + 1) * length] + (0..<count).map { filler(b, $0) }
            }
        }
        func longer(_ rows: [Int]?) -> [Int]? { rows.map { rows in longer(rows) { b, _ in rows[(b + 1) * T - 1] } } }
        let noise = integers(max(1, B * count), below: ModelVariant.vocabulary, seed: seed)
        var result = self
        if input.patches.isEmpty {
            result.input.positions = T + count
            result.input.tokens = longer(input.tokens) { noise[$0 * count + $1] }
            (result.input.positionIDs, result.input.spanPositionIDs) = (
                longer(input.positionIDs), longer(input.spanPositionIDs)
            )
            result.input.documentStarts = longer(input.documentStarts)
            if counting {
                result.input.lengths = input.lengths?.map { _ in T + count }
            } else {
                result.input.lengths = input.lengths ?? [Int](repeating: T, count: B)
            }
            if targets.count == B * T {
                result.targets = longer(targets) { counting ? noise[$0 * count + $1] : Int(ignoredTarget) }
            }
            if !source.isEmpty {
                result.input.sourceTokens = longer(source) { noise[$0 * count + $1] }
                if counting { result.input.sourceLengths = input.sourceLengths.map { _ in source.count / B + count } }
            }
        }
        return result
    }
}
