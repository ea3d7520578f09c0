import Failures
import Glibc
import Tensors

// B sequences, T queries and S keys per sequence, H query heads, K KV heads, D head dimension.

/// Multi-head attention on heads stored as column ranges of row-major matrices.
///
/// Queries are processed in blocks whose scores stay in cache, and keys that are masked for an entire block are
/// skipped. The backward pass recomputes the probabilities from the log-sum-exp of each row, so the memory kept between
/// the passes is proportional to T, not T². With grouped-query attention, H / K consecutive query heads share one KV
/// head.
///
/// - Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 1; recomputation: Dao et al. 2022, arXiv:2205.14135;
///   grouped-query attention: Ainslie et al. 2023, arXiv:2305.13245; ALiBi: Press, Smith & Lewis 2022,
///   arXiv:2108.12409.
package struct Attention: Sendable {
    /// H, the number of query heads.
    package let headCount: Int
    /// K, the number of KV heads, a divisor of H.
    package let keyHeadCount: Int
    /// D, the head dimension.
    package let headWidth: Int
    /// The ALiBi slope of each head, subtracted from a score once per position between query and key; empty without
    /// ALiBi.
    private let slopes: [Float]
    let scale: Float

    /// Attention with `headCount` heads of dimension `headWidth`; scores are divided by √headWidth.
    ///
    /// - Parameters:
    ///   - keyHeadCount: The number of KV heads; nil: `headCount`.
    ///   - penalizesDistance: Whether scores have ALiBi biases.
    package init(headCount: Int, keyHeadCount: Int? = nil, headWidth: Int, penalizesDistance: Bool = false) {
        self.headCount = headCount
        self.keyHeadCount = keyHeadCount ?? headCount
        self.headWidth = headWidth
        slopes = penalizesDistance ? Attention.slopes(headCount) : []
        scale = 1 / Float(headWidth).squareRoot()
        require(headCount % self.keyHeadCount == 0, "the number of KV heads divides the number of query heads")
    }

    /// Returns the ALiBi slopes: 2^(−8 (h + 1) / H) if H is a power of two; otherwise the slopes of the next smaller
    /// power of two, followed by every other slope of the next larger one.
    ///
    /// - Source: Press, Smith & Lewis 2022, section 3, and the authors' code.
    package static func slopes(_ headCount: Int) -> [Float] {
        func powers(_ count: Int) -> [Float] {
            (0..<count).map { Float(exp2(-8 * Double($0 + 1) / Double(count))) }
        }
        var below = 1
        while below * 2 <= headCount { below *= 2 }
        if below == headCount { return powers(headCount) }
        let between = powers(2 * below).enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
        return powers(below) + between.prefix(headCount - below)
    }

    /// The number of queries in a block.
    package static let blockQueries = 64

    private func blocks(_ T: Int) -> Int { (T + Attention.blockQueries - 1) / Attention.blockQueries }

    private func block(_ index: Int, _ T: Int) -> Range<Int> {
        index * Attention.blockQueries..<min((index + 1) * Attention.blockQueries, T)
    }

    /// Computes output = softmax(Q·Kᵀ/√D + bias and mask) · V for each head.
    ///
    /// - Parameters:
    ///   - rows: The queries, keys and values.
    ///   - output: [B, T, H · D].
    ///   - logSums: [B, H, T]; log Σ e^score of each row, for the backward pass.
    ///   - dropout: Dropout on the probabilities at `site`: the probability of (h, query, key) is element (h · T +
    ///     query) · Sʹ + key of its sequence, with Sʹ = S rounded up to a multiple of 32. nil: no dropout.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    @_specialize(where Element == BFloat16)
    package func forward<Element: Storage>(
        _ rows: AttentionRows<Element>, into output: UnsafeMutablePointer<Element>,
        logSums: UnsafeMutablePointer<Float>, sequences B: Int, queries T: Int, keys S: Int, mask: AttentionMask,
        dropout: Dropout? = nil, site: Int = 0
    ) {
        let (C, D, group) = (headCount * headWidth, headWidth, headCount / keyHeadCount)
        parallel(B * headCount) { part in
            let (b, h) = (part / headCount, part % headCount)
            let dropped = dropout?.mask(sequence: b, site: site)
            let scores = ThreadScratch.ofThread.floats(.scores, Attention.blockQueries * S)
            let q = rows.queries.at(row: b * T, column: h * D)
            let k = rows.keys.at(row: b * S, column: h / group * D)
            let v = rows.values.at(row: b * S, column: h / group * D)
            let o = output + b * T * C + h * D
            let sums = logSums + (b * headCount + h) * T
            for index in 0..<blocks(T) {
                let queries = block(index, T)
                let keys = mask.visible(sequence: b, block: queries, queries: T, keys: S)
                let (first, n) = (keys.lowerBound, keys.count)
                matrixProduct(
                    q + queries.lowerBound * rows.queries.stride, stride: rows.queries.stride,
                    k + first * rows.keys.stride, .transposed, stride: rows.keys.stride, into: scores, stride: n,
                    m: queries.count, n: n, k: D, alpha: scale, as: Element.format)
                for query in queries {
                    let row = scores + (query - queries.lowerBound) * n
                    let visible = mask.visible(sequence: b, query: query, queries: T, keys: S)
                    penalize(row, head: h, query: query, keys: keys)
                    sums[query] = softmax(row, from: visible.lowerBound - first, to: visible.upperBound - first, n)
                    dropped?.apply(row, count: n, first: dropoutIndex(head: h, query: query, T, S) + first)
                }
                matrixProduct(
                    scores, stride: n, v + first * rows.values.stride, stride: rows.values.stride,
                    into: o + queries.lowerBound * C, stride: C, m: queries.count, n: D, k: n, as: Element.format)
            }
        }
    }

    /// Computes the backward pass of `forward`.
    ///
    /// - Parameters:
    ///   - rows, output, logSums: The inputs and outputs of the forward pass.
    ///   - outputGradient: [B, T, H · D].
    ///   - gradients: The gradients of queries, keys and values, overwritten.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    @_specialize(where Element == BFloat16)
    package func backward<Element: Storage>(
        _ rows: AttentionRows<Element>, output: UnsafePointer<Element>, logSums: UnsafePointer<Float>,
        outputGradient: UnsafePointer<Float>, into gradients: AttentionRows<Float>,
        sequences B: Int, queries T: Int, keys S: Int, mask: AttentionMask, dropout: Dropout? = nil, site: Int = 0
    ) {
        let group = headCount / keyHeadCount
        parallel(B * keyHeadCount) { part in
            let (b, keyHead) = (part / keyHeadCount, part % keyHeadCount)
            for h in keyHead * group..<(keyHead + 1) * group {
                backward(
                    rows, output: output, logSums: logSums, outputGradient: outputGradient, into: gradients,
                    sequence: b, head: h, isFirst: h == keyHead * group, T, S, mask,
                    dropout?.mask(sequence: b, site: site))
            }
        }
    }

    /// Computes the backward pass of one query head. The first query head of a KV head overwrites that head's
    /// gradients; the others add to them.
    @inline(__always)
    private func backward<Element: Storage>(
        _ rows: AttentionRows<Element>, output: UnsafePointer<Element>, logSums: UnsafePointer<Float>,
        outputGradient: UnsafePointer<Float>, into gradients: AttentionRows<Float>, sequence b: Int, head h: Int,
        isFirst: Bool, _ T: Int, _ S: Int, _ mask: AttentionMask, _ dropped: DropoutMask?
    ) {
        let (C, D, keyHead) = (headCount * headWidth, headWidth, h / (headCount / keyHeadCount))
        let probabilities = ThreadScratch.ofThread.floats(.scores, 2 * Attention.blockQueries * S)
        let dScores = probabilities + Attention.blockQueries * S
        let (queryStride, keyStride, valueStride) = (rows.queries.stride, rows.keys.stride, rows.values.stride)
        let q = rows.queries.at(row: b * T, column: h * D)
        let k = rows.keys.at(row: b * S, column: keyHead * D)
        let v = rows.values.at(row: b * S, column: keyHead * D)
        let dq = gradients.queries.at(row: b * T, column: h * D)
        let dk = gradients.keys.at(row: b * S, column: keyHead * D)
        let dv = gradients.values.at(row: b * S, column: keyHead * D)
        let (o, dOutput) = (output + b * T * C + h * D, outputGradient + b * T * C + h * D)
        let sums = logSums + (b * headCount + h) * T
        // In reverse: the last block, which attends to the most keys, overwrites the KV gradients; the others add to them.
        var accumulating = !isFirst
        for index in (0..<blocks(T)).reversed() {
            let queries = block(index, T)
            let keys = mask.visible(sequence: b, block: queries, queries: T, keys: S)
            let (first, n, start, m) = (keys.lowerBound, keys.count, queries.lowerBound, queries.count)
            matrixProduct(
                q + start * queryStride, stride: queryStride, k + first * keyStride, .transposed, stride: keyStride,
                into: probabilities, stride: n, m: m, n: n, k: D, alpha: scale, as: Element.format)
            matrixProduct(
                dOutput + start * C, stride: C, v + first * valueStride, .transposed, stride: valueStride,
                into: dScores, stride: n, m: m, n: n, k: D, as: Element.format)
            for query in queries {
                let (p, ds) = (probabilities + (query - start) * n, dScores + (query - start) * n)
                let place = dropoutIndex(head: h, query: query, T, S) + first
                let visible = mask.visible(sequence: b, query: query, queries: T, keys: S)
                penalize(p, head: h, query: query, keys: keys)
                probabilitiesAgain(
                    p, logSum: sums[query], from: visible.lowerBound - first, to: visible.upperBound - first, n)
                dropped?.apply(ds, count: n, first: place)
                let product = dot(dOutput + query * C, o + query * C, count: D)
                scoreGradient(p, ds, outputProduct: product, scale: scale, count: n)
                dropped?.apply(p, count: n, first: place)
            }
            if !accumulating {
                clear(dk, stride: gradients.keys.stride, outside: keys, S)
                clear(dv, stride: gradients.values.stride, outside: keys, S)
            }
            matrixProduct(
                probabilities, .transposed, stride: n, dOutput + start * C, stride: C,
                into: dv + first * gradients.values.stride, stride: gradients.values.stride, m: n, n: D, k: m,
                accumulating: accumulating, as: Element.format)
            matrixProduct(
                dScores, .transposed, stride: n, q + start * queryStride, stride: queryStride,
                into: dk + first * gradients.keys.stride, stride: gradients.keys.stride, m: n, n: D, k: m,
                accumulating: accumulating, as: Element.format)
            matrixProduct(
                dScores, stride: n, k + first * keyStride, stride: keyStride,
                into: dq + start * gradients.queries.stride, stride: gradients.queries.stride, m: m, n: D, k: n,
                as: Element.format)
            accumulating = true
        }
    }

    /// Zeroes the rows of a head outside `keys`.
    private func clear(_ head: UnsafeMutablePointer<Float>, stride: Int, outside keys: Range<Int>, _ S: Int) {
        for row in 0..<S where !keys.contains(row) { (head + row * stride).update(repeating: 0, count: headWidth) }
    }

    /// Subtracts the ALiBi penalties from the scores of a row.
    @inline(__always)
    func penalize(_ scores: UnsafeMutablePointer<Float>, head: Int, query: Int, keys: Range<Int>) {
        if slopes.isEmpty { return }
        penalizeDistances(scores, slope: slopes[head], from: Float(keys.lowerBound - query), count: keys.count)
    }

    private func dropoutIndex(head: Int, query: Int, _ T: Int, _ S: Int) -> Int {
        (head * T + query) * ((S + 31) / 32 * 32)
    }
}

/// Replaces the scores `first` ..< `last` by their softmax and the other ones of `count` by 0.
///
/// - Returns: log Σ e^score over `first` ..< `last`.
func softmax(_ scores: UnsafeMutablePointer<Float>, from first: Int, to last: Int, _ count: Int) -> Float {
    let (visible, n) = (scores + first, last - first)
    var highest = SIMD16<Float>(repeating: -.infinity)
    forEachVector(n) { i, width in
        let x = load(visible + i, width, filler: -.infinity)
        highest.replace(with: x, where: x .> highest)
    }
    let maximum = highest.lanesMaximum
    var sums = SIMD16<Float>()
    forEachVector(n) { i, width in
        let e = exponential(load(visible + i, width, filler: -.infinity) - maximum)
        store(e, visible + i, width)
        sums += e
    }
    let sum = sums.lanesSum
    let reciprocal = 1 / sum
    forEachVector(n) { i, width in store(load(visible + i, width) * reciprocal, visible + i, width) }
    scores.update(repeating: 0, count: first)
    (scores + last).update(repeating: 0, count: count - last)
    return maximum + log(sum)
}

/// Recomputes the probabilities of a row from its scores and their log-sum-exp.
private func probabilitiesAgain(
    _ scores: UnsafeMutablePointer<Float>, logSum: Float, from first: Int, to last: Int, _ count: Int
) {
    let visible = scores + first
    forEachVector(last - first) { i, width in
        store(exponential(load(visible + i, width) - logSum), visible + i, width)
    }
    scores.update(repeating: 0, count: first)
    (scores + last).update(repeating: 0, count: count - last)
}

/// Computes score −= slope · |distance| for the distances `first`, `first` + 1, …
private func penalizeDistances(_ scores: UnsafeMutablePointer<Float>, slope: Float, from first: Float, count: Int) {
    forEachVector(count) { i, width in
        let distances = ascending + (first + Float(i))
        let penalty = distances.replacing(with: -distances, where: distances .< 0) * slope
        store(load(scores + i, width) - penalty, scores + i, width)
    }
}

/// The vector 0, 1, … 15.
private let ascending = SIMD16<Float>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)

/// Computes gradient = probability · (gradient − outputProduct) · scale: the backward pass of softmax, in place.
private func scoreGradient(
    _ probabilities: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>, outputProduct: Float, scale: Float,
    count: Int
) {
    forEachVector(count) { i, width in
        store(
            load(probabilities + i, width) * (load(gradient + i, width) - outputProduct) * scale, gradient + i, width)
    }
}

/// Returns Σ a·b.
@inline(__always)
func dot<Element: Storage>(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Element>, count: Int) -> Float {
    var sum = SIMD16<Float>()
    forEachVector(count) { i, width in sum = sum.addingProduct(load(a + i, width), load(b + i, width)) }
    return sum.lanesSum
}
