import Layers
import Tensors
import TestSupport
import Testing

@Suite struct EmbeddingTests {
    private let vocabulary = 7
    private let context = 5
    private let width = 6
    private let tokens = [3, 0, 3, 6, 3, 1, 0, 2, 3, 3]

    private func embedding() -> (layer: Embedding<Float>, layout: ParameterLayout) {
        var layout = ParameterLayout()
        layout.beginSection()
        let layer = Embedding<Float>(
            vocabularySize: vocabulary, contextLength: context, width: width, initializer: .zeros, in: &layout)
        return (layer, layout)
    }

    @Test func gradients() {
        let (layer, layout) = embedding()
        let (width, tokens) = (width, tokens)
        checkLayer(layout, inputCount: 0, outputCount: tokens.count * width) { run in
            withTestMemory { memory in
                let ids = memory.integers(tokens)
                layer.forward(ids, weights: run.weights, into: run.output, sequences: 2, positions: 5)
                layer.backward(
                    ids, outputGradient: run.outputGradient, gradients: run.gradients, sequences: 2, positions: 5,
                    accumulating: false, run.workspace)
            }
        } reference: { parameters, _ in
            Reference.embedding(
                tokens, tokenTable: parameters["token_embedding.weight"]!,
                positionTable: parameters["position_embedding.weight"]!, positions: 5, width: width)
        }
    }

    /// A tied head has left its part in the token table's gradient; positions that no sequence reaches are not touched.
    @Test func addsToATiedTable() {
        let (layer, layout) = embedding()
        let gradients: Arena<Float> = layout.randomArena(Float.self, seed: 1, deviation: 1)
        let before = layout.named(gradients)
        let outputGradient = normals(tokens.count * width, seed: 2)
        withTestMemory { memory in
            // Five sequences of two positions.
            layer.backward(
                memory.integers(tokens), outputGradient: memory.numbers(outputGradient, Float.self),
                gradients: gradients.base, sequences: 5, positions: 2, accumulating: true, Workspace())
        }
        let after = layout.named(gradients)
        expectClose(
            after["token_embedding.weight"]!,
            Reference.scatterAdd(
                outputGradient, places: tokens, into: before["token_embedding.weight"]!, width: width),
            absolute: 32 * Float.unitRoundoff)
        var positions = before["position_embedding.weight"]!
        for index in 0..<2 * width { positions[index] = 0 }
        expectClose(
            after["position_embedding.weight"]!,
            Reference.scatterAdd(
                outputGradient, places: tokens.indices.map { $0 % 2 }, into: positions, width: width),
            absolute: 32 * Float.unitRoundoff)
    }

    @Test func startsAtAnyPosition() {
        let (layer, layout) = embedding()
        let weights: Arena<Float> = layout.randomArena(Float.self, seed: 1, deviation: 1)
        let parameters = layout.named(weights)
        withTestMemory { memory in
            let output = memory.output(2 * width, Float.self)
            layer.forward(
                memory.integers([4, 5]), weights: weights.base, into: output, sequences: 1, positions: 2, first: 3)
            expectClose(
                array(output, 2 * width),
                Reference.embedding(
                    [4, 5], tokenTable: parameters["token_embedding.weight"]!,
                    positionTable: Array(parameters["position_embedding.weight"]![(3 * width)...]), positions: 2,
                    width: width), relative: Float.unitRoundoff)
        }
    }
}
