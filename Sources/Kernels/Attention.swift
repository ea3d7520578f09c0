import Glibc
import Tensors

// B sequences, T positions, H heads, D head width, C = H · D.

/// Causal multi-head attention over rows that hold query, key and value side by side.
///
/// Position t attends to positions 0 ... t. Queries are taken in blocks whose scores stay in cache, the columns that the
/// mask hides from a whole block are never computed, and the backward pass computes the probabilities again from the
/// logarithm of each row's sum: what is kept between the passes grows with T, not with T².
/// Heads are read and written where they lie, among the columns of the rows.
///
/// - Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 1; the recomputation after Dao et al. 2022, arXiv:2205.14135.
package struct CausalAttention: Sendable {
    /// H.
    package let headCount: Int
    /// D.
    package let headWidth: Int
    private let scale: Float

    /// Attention with `headCount` heads of `headWidth` each; scores are divided by √headWidth.
    package init(headCount: Int, headWidth: Int) {
        self.headCount = headCount
        self.headWidth = headWidth
        scale = 1 / Float(headWidth).squareRoot()
    }

    /// How many queries are treated together.
    package static let blockQueries = 64

    /// output = softmax(Q·Kᵀ/√D + causal mask) · V, head by head.
    ///
    /// - Parameters:
    ///   - queryKeyValue: [B, T, 3C].
    ///   - output: [B, T, C].
    ///   - logSums: [B, H, T]; log Σ e^score of each row, for the backward pass.
    ///   - dropout: Drops probabilities, the elements (h · T + query) · Tʹ + key of a sequence at `site`, Tʹ being T
    ///     rounded up to 32; nil drops nothing.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    package func forward<Element: Storage>(
        _ queryKeyValue: UnsafePointer<Element>, into output: UnsafeMutablePointer<Element>,
        logSums: UnsafeMutablePointer<Float>, sequences B: Int, positions T: Int, dropout: Dropout? = nil, site: Int = 0
    ) {
        let (C, D) = (headCount * headWidth, headWidth)
        parallel(B * headCount) { part in
            let (b, h) = (part / headCount, part % headCount)
            let mask = dropout?.mask(sequence: b, site: site)
            let scores = ThreadScratch.ofThread.floats(.scores, CausalAttention.blockQueries * T)
            let q = queryKeyValue + b * T * 3 * C + h * D
            let (k, v, o) = (q + C, q + 2 * C, output + b * T * C + h * D)
            let sums = logSums + (b * headCount + h) * T
            for start in stride(from: 0, to: T, by: CausalAttention.blockQueries) {
                let end = min(start + CausalAttention.blockQueries, T)
                matrixProduct(
                    q + start * 3 * C, stride: 3 * C, k, .transposed, stride: 3 * C, into: scores, stride: end,
                    m: end - start, n: end, k: D, alpha: scale)
                for row in start..<end {
                    sums[row] = causalSoftmax(scores + (row - start) * end, visible: row + 1, count: end)
                    mask?.apply(
                        scores + (row - start) * end, count: end, first: dropoutIndex(head: h, query: row, T))
                }
                matrixProduct(
                    scores, stride: end, v, stride: 3 * C, into: o + start * C, stride: C,
                    m: end - start, n: D, k: end)
            }
        }
    }

    /// The backward pass of `forward`.
    ///
    /// - Parameters:
    ///   - queryKeyValue, output, logSums: As the forward pass read and left them.
    ///   - outputGradient: [B, T, C].
    ///   - gradient: [B, T, 3C], overwritten.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    package func backward<Element: Storage>(
        _ queryKeyValue: UnsafePointer<Element>, output: UnsafePointer<Element>, logSums: UnsafePointer<Float>,
        outputGradient: UnsafePointer<Float>, into gradient: UnsafeMutablePointer<Float>,
        sequences B: Int, positions T: Int, dropout: Dropout? = nil, site: Int = 0
    ) {
        let (C, D) = (headCount * headWidth, headWidth)
        parallel(B * headCount) { part in
            let (b, h) = (part / headCount, part % headCount)
            let mask = dropout?.mask(sequence: b, site: site)
            let probabilities = ThreadScratch.ofThread.floats(.scores, 2 * CausalAttention.blockQueries * T)
            let dScores = probabilities + CausalAttention.blockQueries * T
            let q = queryKeyValue + b * T * 3 * C + h * D
            let (k, v) = (q + C, q + 2 * C)
            let dq = gradient + b * T * 3 * C + h * D
            let (dk, dv) = (dq + C, dq + 2 * C)
            let (o, dOutput) = (output + b * T * C + h * D, outputGradient + b * T * C + h * D)
            let sums = logSums + (b * headCount + h) * T
            // The last block sees all keys and overwrites their gradients; the earlier ones add to them.
            let lastStart = (T - 1) / CausalAttention.blockQueries * CausalAttention.blockQueries
            for start in stride(from: lastStart, through: 0, by: -CausalAttention.blockQueries) {
                let end = min(start + CausalAttention.blockQueries, T)
                let m = end - start
                matrixProduct(
                    q + start * 3 * C, stride: 3 * C, k, .transposed, stride: 3 * C, into: probabilities,
                    stride: end, m: m, n: end, k: D, alpha: scale)
                matrixProduct(
                    dOutput + start * C, stride: C, v, .transposed, stride: 3 * C, into: dScores, stride: end,
                    m: m, n: end, k: D)
                for row in start..<end {
                    let (p, ds) = (probabilities + (row - start) * end, dScores + (row - start) * end)
                    let index = dropoutIndex(head: h, query: row, T)
                    probabilitiesAgain(p, logSum: sums[row], visible: row + 1, count: end)
                    mask?.apply(ds, count: end, first: index)
                    let product = dot(dOutput + row * C, o + row * C, count: D)
                    scoreGradient(p, ds, outputProduct: product, scale: scale, count: end)
                    mask?.apply(p, count: end, first: index)
                }
                let accumulating = start != lastStart
                matrixProduct(
                    probabilities, .transposed, stride: end, dOutput + start * C, stride: C, into: dv,
                    stride: 3 * C, m: end, n: D, k: m, accumulating: accumulating)
                matrixProduct(
                    dScores, .transposed, stride: end, q + start * 3 * C, stride: 3 * C, into: dk, stride: 3 * C,
                    m: end, n: D, k: m, accumulating: accumulating)
                matrixProduct(
                    dScores, stride: end, k, stride: 3 * C, into: dq + start * 3 * C, stride: 3 * C, m: m, n: D,
                    k: end)
            }
        }
    }

    private func dropoutIndex(head: Int, query: Int, _ T: Int) -> Int { (head * T + query) * ((T + 31) / 32 * 32) }
}

/// Attention of new positions to all before them, from a cache of keys and values: one layer's part of generation.
///
/// - Parameters:
///   - queries: [N, C], of positions `first` ..< `first` + N.
///   - keys, values: [at least first + N, C].
///   - output: [N, C].
///   - scores: Scratch, [first + N].
package func cachedAttention(
    _ queries: UnsafePointer<Float>, keys: UnsafePointer<Float>, values: UnsafePointer<Float>,
    into output: UnsafeMutablePointer<Float>, scores: UnsafeMutablePointer<Float>,
    count N: Int, first: Int, heads H: Int, headWidth D: Int
) {
    let C = H * D
    let scale = 1 / Float(D).squareRoot()
    for n in 0..<N {
        let visible = first + n + 1
        for h in 0..<H {
            let query = queries + n * C + h * D
            for t in 0..<visible { scores[t] = scale * dot(query, keys + t * C + h * D, count: D) }
            _ = causalSoftmax(scores, visible: visible, count: visible)
            let target = output + n * C + h * D
            forEachVector(D) { d, width in
                var sum = SIMD16<Float>()
                for t in 0..<visible {
                    sum = sum.addingProduct(load(values + t * C + h * D + d, width), SIMD16(repeating: scores[t]))
                }
                store(sum, target + d, width)
            }
        }
    }
}

/// Turns the first `visible` scores into probabilities and the others, up to `count`, into 0.
///
/// - Returns: log Σ e^score over the visible ones.
private func causalSoftmax(_ scores: UnsafeMutablePointer<Float>, visible: Int, count: Int) -> Float {
    var highest = SIMD16<Float>(repeating: -.infinity)
    forEachVector(visible) { i, width in
        let x = load(scores + i, width, filler: -.infinity)
        highest.replace(with: x, where: x .> highest)
    }
    let maximum = highest.lanesMaximum
    var sums = SIMD16<Float>()
    forEachVector(visible) { i, width in
        let e = exponential(load(scores + i, width, filler: -.infinity) - maximum)
        store(e, scores + i, width)
        sums += e
    }
    let sum = sums.lanesSum
    let reciprocal = 1 / sum
    forEachVector(visible) { i, width in store(load(scores + i, width) * reciprocal, scores + i, width) }
    (scores + visible).update(repeating: 0, count: count - visible)
    return maximum + log(sum)
}

/// The probabilities of a row from its scores and the logarithm of their sum.
private func probabilitiesAgain(_ scores: UnsafeMutablePointer<Float>, logSum: Float, visible: Int, count: Int) {
    forEachVector(visible) { i, width in store(exponential(load(scores + i, width) - logSum), scores + i, width) }
    (scores + visible).update(repeating: 0, count: count - visible)
}

/// gradient = probability · (gradient − outputProduct) · scale: the softmax's backward pass, in the place of ∂probability.
private func scoreGradient(
    _ probabilities: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>, outputProduct: Float, scale: Float,
    count: Int
) {
    forEachVector(count) { i, width in
        store(
            load(probabilities + i, width) * (load(gradient + i, width) - outputProduct) * scale, gradient + i, width)
    }
}

/// Σ a·b.
@inline(__always)
private func dot<Element: Storage>(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Element>, count: Int) -> Float {
    var sum = SIMD16<Float>()
    forEachVector(count) { i, width in sum = sum.addingProduct(load(a + i, width), load(b + i, width)) }
    return sum.lanesSum
}
