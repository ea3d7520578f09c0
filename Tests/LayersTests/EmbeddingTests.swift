import Kernels
import Layers
import Tensors
import TestSupport
import Testing

@Suite struct EmbeddingTests {
    private static let (vocabulary, context, width) = (7, 6, 6)
    /// Two sequences of five positions.
    private let tokens = [3, 0, 3, 6, 3, 1, 0, 2, 3, 3]
    private let positionIDs = [0, 1, 1, 5, 2, 2, 0, 1, 3, 3]
    private let spanPositionIDs = [0, 0, 1, 2, 0, 0, 0, 1, 2, 4]

    struct Variant: Sendable {
        var positions = PositionEmbedding.learned
        var tokenScale: Float = 1
        var normalization: NormalizationKind?
        var hasPositionIDs = false
        var rate = 0.0
    }

    static let variants = [
        Variant(), Variant(positions: .none, tokenScale: 3), Variant(tokenScale: 2.5, hasPositionIDs: true),
        Variant(positions: .learnedTwice, hasPositionIDs: true),
        Variant(positions: .sinusoidal(.alternating), tokenScale: 2),
        Variant(positions: .sinusoidal(.halves), normalization: .rootMeanSquare, hasPositionIDs: true),
        Variant(normalization: .layer, rate: 0.3),
        Variant(positions: .learnedTwice, tokenScale: 2, normalization: .layer, hasPositionIDs: true, rate: 0.5),
    ]

    private func embedding(_ variant: Variant) -> (layer: Embedding<Float>, layout: ParameterLayout) {
        var layout = ParameterLayout()
        layout.beginSection()
        let shape = EmbeddingShape(
            vocabularySize: EmbeddingTests.vocabulary, contextLength: EmbeddingTests.context,
            width: EmbeddingTests.width, positions: variant.positions, tokenScale: variant.tokenScale,
            normalization: variant.normalization.map { NormalizationStyle(kind: $0, epsilon: 0.01, hasShift: true) },
            initializer: .zeros)
        let layer = Embedding<Float>("", shape, site: 3, in: &layout)
        return (layer, layout)
    }

    private func withPass(
        _ variant: Variant, _ run: LayerContext<Float>, _ body: (TokenInput, Pass<Float>) -> Void
    ) {
        let samples: [UInt64] = [5, 9]
        withTestMemory { memory in
            samples.withUnsafeBufferPointer { samples in
                let rates = DropoutRates(embedding: variant.rate, attention: 0, residual: 0)
                let pass = Pass(
                    sequences: 2, positions: 5, mask: AttentionMask(isCausal: true),
                    LayerContext(
                        weights: run.weights, gradients: run.gradients,
                        dropouts: Dropouts(rates, seed: 1, step: 2, samples: samples.baseAddress!), run.workspace))
                body(
                    TokenInput(
                        tokens: memory.integers(tokens),
                        positionIDs: variant.hasPositionIDs ? memory.integers(positionIDs) : nil,
                        spanPositionIDs: variant.hasPositionIDs ? memory.integers(spanPositionIDs) : nil), pass)
            }
        }
    }

    @Test(arguments: variants)
    func equalsTheReference(variant: Variant) {
        let (layer, layout) = embedding(variant)
        let count = tokens.count * EmbeddingTests.width
        var reference = ReferenceTransformer()
        (reference.width, reference.tokenScale) = (EmbeddingTests.width, Double(variant.tokenScale))
        (reference.isRootMeanSquare, reference.epsilon) = (variant.normalization == .rootMeanSquare, 0.01)
        reference.positions =
            switch variant.positions {
            case .none: .none
            case .learned, .learnedTwice: .learned
            case .sinusoidal(.alternating): .sinusoidal
            case .sinusoidal(.halves): .sinusoidalHalves
            }
        reference.dropouts = ReferenceDropouts(
            embedding: variant.rate, attention: 0, residual: 0, seed: 1, step: 2, samples: [5, 9])
        var input = ReferenceTransformer.Input()
        (input.sequences, input.positions, input.tokens) = (2, 5, tokens)
        if variant.hasPositionIDs { (input.positionIDs, input.spanPositionIDs) = (positionIDs, spanPositionIDs) }
        checkLayer(layout, inputCount: 0, outputCount: count) { run in
            let activations = layer.takeActivations(rows: tokens.count, from: run.activations)
            withPass(variant, run.context()) { tokens, pass in
                layer.forward(tokens, activations, pass)
                run.output.update(from: activations.output, count: count)
                layer.backward(
                    tokens, outputGradient: run.outputGradient, activations, pass, accumulating: false)
            }
        } reference: { parameters, _ in
            var site = 3
            return reference.embedding(parameters, "", input, site: &site)
        }
    }

    /// Adds to the token table's gradient, which holds the part of a tied head; unused rows of position tables become
    /// 0.
    @Test(arguments: [false, true])
    func addsToTheGradientOfATiedTable(hasPositionIDs: Bool) {
        let variant = Variant(positions: hasPositionIDs ? .learnedTwice : .learned, hasPositionIDs: hasPositionIDs)
        let (layer, layout) = embedding(variant)
        let gradients: Arena<Float> = layout.randomArena(Float.self, seed: 1, deviation: 1)
        let before = layout.named(gradients)
        let width = EmbeddingTests.width
        let outputGradient = normals(tokens.count * width, seed: 2)
        let zeros = [Double](repeating: 0, count: EmbeddingTests.context * width)
        withPass(variant, LayerContext(weights: gradients.base, gradients: gradients.base, Workspace())) {
            input, pass in
            var flow = outputGradient.map(Float.init)
            let arena = ActivationArena()
            layer.backward(
                input, outputGradient: &flow, layer.takeActivations(rows: tokens.count, from: arena), pass,
                accumulating: true)
        }
        let after = layout.named(gradients)
        func expect(_ name: String, _ indices: [Int], into table: [Double]) {
            expectClose(
                after["\(name).weight"]!,
                Reference.scatterAdd(outputGradient, indices: indices, into: table, width: width),
                absolute: 32 * Float.unitRoundoff, name)
        }
        expect("token_embedding", tokens, into: before["token_embedding.weight"]!)
        expect("position_embedding", hasPositionIDs ? positionIDs : tokens.indices.map { $0 % 5 }, into: zeros)
        if hasPositionIDs { expect("span_position_embedding", spanPositionIDs, into: zeros) }
    }

    @Test func startsAtTheGivenPosition() {
        let (layer, layout) = embedding(Variant())
        let weights: Arena<Float> = layout.randomArena(Float.self, seed: 1, deviation: 1)
        let (parameters, width) = (layout.named(weights), EmbeddingTests.width)
        withTestMemory { memory in
            let arena = ActivationArena()
            let activations = layer.takeActivations(rows: 2, from: arena)
            layer.forward(
                TokenInput(tokens: memory.integers([4, 5])), activations,
                Pass(
                    sequences: 1, positions: 2, mask: AttentionMask(isCausal: true),
                    LayerContext(weights: weights.base, Workspace())), first: 3)
            expectClose(
                array(activations.output, 2 * width),
                Reference.embedding(
                    [4, 5], tokenTable: parameters["token_embedding.weight"]!,
                    positionTable: Array(parameters["position_embedding.weight"]![(3 * width)...]), positions: 2,
                    width: width), relative: Float.unitRoundoff)
        }
        withExtendedLifetime(weights) {}
    }
}
