import Tensors
import Testing

@testable import Models

struct FloatingPointOperationsTests {
    /// For GPT-2 with 124 million parameters: 6 operations per weight of a matrix product, plus attention.
    @Test func countsOperationsPerToken() {
        var model = ModelConfiguration()
        (model.layers, model.heads, model.width) = (12, 12, 768)
        let weights = 12.0 * 12 * 768 * 768 + 50257 * 768
        let attention = 6.0 * 12 * 768 * 1024
        let sizes = ModelSizes(vocabularySize: 50257, contextLength: 1024)
        #expect(model.flopsPerTarget(sizes, targetShare: 1) == 6 * weights + attention)
    }

    /// The head transform and the pooler add one C × C matrix product each, per target token or per sequence.
    @Test func countsTransformAndPooler() {
        let C = 128.0
        var encoder = ModelConfiguration()
        encoder.family = .encoder
        let tokens = ModelSizes(vocabularySize: 100, contextLength: 16)
        let linear = encoder.flopsPerTarget(tokens, targetShare: 0.5)
        encoder.head = .transform
        #expect(encoder.flopsPerTarget(tokens, targetShare: 0.5) - linear == 6 * C * C)
        var classifier = ModelConfiguration()
        classifier.family = .classifier
        let texts = ModelSizes(vocabularySize: 100, contextLength: 16, outputs: 4)
        let first = classifier.flopsPerTarget(texts, targetShare: 1.0 / 16)
        classifier.pooling = .dense
        #expect(classifier.flopsPerTarget(texts, targetShare: 1.0 / 16) - first == 6 * C * C)
    }

    /// Llama's grouped keys and SwiGLU, and the two stacks and the cross-attention of a translation model.
    @Test func countsEveryLayer() {
        var llama = ModelConfiguration()
        (llama.layers, llama.heads, llama.kvHeads, llama.width) = (2, 4, 2, 64)
        (llama.feedForwardWidth, llama.activation) = (100, .swiglu)
        let (C, T) = (64.0, 32.0)
        let block = C * (C + 2 * 32) + C * C + 3 * C * 100 + 2 * C * T / 2
        let sizes = ModelSizes(vocabularySize: 50, contextLength: 32)
        #expect(llama.flopsPerTarget(sizes, targetShare: 1) == 6 * (2 * block + C * 50))

        var translation = ModelConfiguration()
        translation.family = .encoderDecoder
        (translation.layers, translation.decoderLayers, translation.heads, translation.width) = (3, 2, 4, 64)
        let attention = 4 * C * C + 2 * C * T
        let feedForward = 2 * C * 4 * C
        let decoder = 2 * (2 * attention - C * T + feedForward)
        #expect(
            translation.flopsPerTarget(sizes, targetShare: 1)
                == 6 * (decoder + 3 * (attention + feedForward) + C * 50))
    }

    /// The patches of an image are embedded by one product, and a class is predicted once for all its positions.
    @Test func countsPatches() {
        var model = ModelConfiguration()
        model.family = .imageClassifier
        (model.layers, model.heads, model.width, model.patchSize) = (1, 4, 64, 4)
        let sizes = ModelSizes(image: ImageShape(height: 12, width: 20, channels: 1), patchSize: 4, outputs: 10)
        let (C, T) = (64.0, 16.0)
        let position = 12 * C * C + 2 * C * T + C * 16
        #expect(model.flopsPerTarget(sizes, targetShare: 1 / T) == 6 * (position * T + C * 10))
    }
}
