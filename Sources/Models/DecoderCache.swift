import Kernels
import Layers

/// Generation with a decoder: the keys and values of all positions so far, so that a new one costs one row.
package final class DecoderCache {
    /// The number of positions that are in the cache.
    package private(set) var count = 0
    private let decoder: Decoder<Float>
    private let weights: UnsafePointer<Float>
    private let memory = ActivationArena()
    private let workspace = Workspace()
    private let keys: [UnsafeMutablePointer<Float>]
    private let values: [UnsafeMutablePointer<Float>]
    private let stream: UnsafeMutablePointer<Float>
    private let normalized: UnsafeMutablePointer<Float>
    private let queryKeyValue: UnsafeMutablePointer<Float>
    private let queries: UnsafeMutablePointer<Float>
    private let mixed: UnsafeMutablePointer<Float>
    private let hidden: UnsafeMutablePointer<Float>
    private let scores: UnsafeMutablePointer<Float>
    private let logits: UnsafeMutablePointer<Float>
    private let statistics: Normalization<Float>.Statistics

    /// An empty cache of a decoder whose weights stay where they are.
    package init(_ decoder: Decoder<Float>, weights: UnsafePointer<Float>) {
        let (T, C, memory) = (decoder.contextLength, decoder.width, memory)
        func rows(_ width: Int) -> UnsafeMutablePointer<Float> { memory.take(Float.self, T * width) }
        self.decoder = decoder
        self.weights = weights
        keys = decoder.blocks.map { _ in rows(C) }
        values = decoder.blocks.map { _ in rows(C) }
        (stream, normalized, queries, mixed) = (rows(C), rows(C), rows(C), rows(C))
        queryKeyValue = rows(3 * C)
        hidden = rows(decoder.blocks.first?.feedForward.expansion.outputWidth ?? C)
        scores = rows(1)
        logits = memory.take(Float.self, decoder.vocabularySize)
        statistics = memory.takeStatistics(Float.self, rows: T)
    }

    /// Forgets all positions.
    package func reset() { count = 0 }

    /// Takes in `tokens` after the positions so far.
    ///
    /// - Parameter tokens: At least one; with those so far, at most `contextLength`.
    /// - Returns: The logits [V] of the token that follows; valid until the next call.
    package func extend(by tokens: [Int32]) -> UnsafeBufferPointer<Float> {
        let (n, C) = (tokens.count, decoder.width)
        precondition(n > 0 && count + n <= decoder.contextLength, "tokens fit the context")
        decoder.embedding.forward(tokens, weights: weights, into: stream, sequences: 1, positions: n, first: count)
        for (index, block) in decoder.blocks.enumerated() {
            block.attentionNormalization.forward(stream, weights: weights, into: normalized, statistics, rows: n)
            block.attention.queryKeyValue.forward(
                normalized, weights: weights, into: queryKeyValue, rows: n)
            for row in 0..<n {
                let source = queryKeyValue + row * 3 * C
                (queries + row * C).update(from: source, count: C)
                (keys[index] + (count + row) * C).update(from: source + C, count: C)
                (values[index] + (count + row) * C).update(from: source + 2 * C, count: C)
            }
            cachedAttention(
                queries, keys: keys[index], values: values[index], into: mixed, scores: scores, count: n, first: count,
                heads: block.attention.headCount, headWidth: C / block.attention.headCount)
            block.attention.projection.forward(mixed, weights: weights, into: normalized, rows: n)
            residual(stream, normalized, into: stream, count: n * C)

            block.feedForwardNormalization.forward(stream, weights: weights, into: normalized, statistics, rows: n)
            block.feedForward.expansion.forward(normalized, weights: weights, into: hidden, rows: n)
            block.feedForward.activate(hidden, into: hidden, rows: n)
            block.feedForward.projection.forward(hidden, weights: weights, into: normalized, rows: n)
            residual(stream, normalized, into: stream, count: n * C)
        }
        let last = stream + (n - 1) * C
        decoder.finalNormalization.forward(last, weights: weights, into: normalized, statistics, rows: 1)
        decoder.head.forward(normalized, weights: weights, into: logits, rows: 1)
        count += n
        return UnsafeBufferPointer(start: logits, count: decoder.vocabularySize)
    }
}
