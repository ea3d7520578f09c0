import Models
import Testing

@testable import Settings

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
}
