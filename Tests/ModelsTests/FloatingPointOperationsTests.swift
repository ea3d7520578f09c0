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
}
