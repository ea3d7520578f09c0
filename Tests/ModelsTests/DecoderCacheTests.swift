import Models
import Tensors
import TestSupport
import Testing

@Suite struct DecoderCacheTests {
    private static let (vocabulary, context) = (23, 12)

    private func decoder(tied: Bool, bias: Bool, _ activation: ModelConfiguration.Activation) -> Decoder<Float> {
        var configuration = ModelConfiguration()
        (configuration.layers, configuration.heads, configuration.width) = (2, 2, 20)
        (configuration.tieEmbeddings, configuration.bias, configuration.activation) = (tied, bias, activation)
        return Decoder(
            configuration, vocabularySize: DecoderCacheTests.vocabulary, contextLength: DecoderCacheTests.context)
    }

    /// In one piece, in pieces, token by token: the logits after each piece are those of the whole forward pass.
    @Test(arguments: [[12], [1], [5, 7], [3, 1, 1, 6, 1], [11, 1], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]])
    func equalsTheForwardPass(pieces: [Int]) {
        check(decoder(tied: true, bias: true, .gelu), pieces)
        check(decoder(tied: false, bias: false, .geluExact), pieces)
    }

    private func check(_ decoder: Decoder<Float>, _ pieces: [Int]) {
        let weights: Arena<Float> = decoder.layout.randomArena(Float.self, seed: 1, deviation: 0.3)
        let (V, T) = (DecoderCacheTests.vocabulary, DecoderCacheTests.context)
        let rows = TokenRows(sequences: 1, positions: T, vocabulary: V, seed: 3)
        let expected = decoder.logits(weights, rows).map(Double.init)
        let cache = DecoderCache(decoder, weights: weights.base)
        for round in 1...2 {
            var end = 0
            for piece in pieces {
                let logits = cache.extend(by: rows.tokens[end..<end + piece].map(Int32.init))
                end += piece
                #expect(cache.count == end)
                // The same sums in another order.
                expectClose(
                    Array(logits), Array(expected[(end - 1) * V..<end * V]), absolute: 64 * Float.unitRoundoff,
                    relative: 64 * Float.unitRoundoff, "round \(round), cached logits after \(end)")
            }
            cache.reset()
            #expect(cache.count == 0)
        }
        withExtendedLifetime((weights, cache)) {}
    }
}
