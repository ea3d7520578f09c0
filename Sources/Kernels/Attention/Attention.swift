import Failures
import Glibc
import CTiles
import Numbers
import Products
import Tensors
import Threads

// B sequences, T queries and S keys per sequence, H query heads, K KV heads, D head dimension.

/// Multi-head attention on heads stored as column ranges of row-major matrices.
///
/// Keys and values are packed once for all queries of a head. Queries are processed in blocks whose scores stay in
/// cache, and keys that are masked for an entire block are skipped. The backward pass recomputes the probabilities from
/// the log-sum-exp of each row, so the memory kept between the passes is proportional to T, not T². With grouped-query
/// attention, H / K consecutive query heads share one KV head.
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
    /// The distance from which on a query attends to no key; 0: any distance.
    let window: Int
    let scale: Float

    /// Attention with `headCount` heads of dimension `headWidth`.
    ///
    /// - Parameters:
    ///   - keyHeadCount: The number of KV heads; nil: `headCount`.
    ///   - penalizesDistance: Whether scores have ALiBi biases.
    ///   - window: The distance from which on a query attends to no key; 0: any distance.
    ///   - scalesScores: Whether scores are divided by √headWidth.
    package init(
        headCount: Int, keyHeadCount: Int? = nil, headWidth: Int, penalizesDistance: Bool = false, window: Int = 0,
        scalesScores: Bool = true
    ) {
        self.headCount = headCount
        self.keyHeadCount = keyHeadCount ?? headCount
        self.headWidth = headWidth
        slopes = penalizesDistance ? Attention.slopes(headCount) : []
        self.window = window
        scale = scalesScores ? 1 / Float(headWidth).squareRoot() : 1
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

    /// The number of queries whose scores are computed at a time.
    package static let blockQueries = PanelStrip.rows
    /// The number of queries of one backward product, which sums over them.
    private static let backwardQueries = 4 * blockQueries

    /// Computes output = softmax(Q·Kᵀ/√D + bias and mask) · V for each head.
    ///
    /// - Parameters:
    ///   - rows: The queries, keys and values.
    ///   - output: [B, T, H · D].
    ///   - logSums: [B, H, T]; log Σ e^score of each row, for the backward pass.
    ///   - biases: Learned biases of scores; nil: none.
    ///   - dropout: Dropout on the probabilities at `site`: the probability of (h, query, key) is element (h · T +
    ///     query) · Sʹ + key of its sequence, with Sʹ = S rounded up to a multiple of 32. nil: no dropout.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    @_specialize(where Element == BFloat16)
    package func forward<Element: Storage>(
        _ rows: AttentionRows<Element>, into output: UnsafeMutablePointer<Element>,
        logSums: UnsafeMutablePointer<Float>, sequences B: Int, queries T: Int, keys S: Int, mask: AttentionMask,
        biases: DistanceBiases? = nil, dropout: Dropout? = nil, site: Int = 0
    ) {
        let (C, D, group) = (headCount * headWidth, headWidth, headCount / keyHeadCount)
        let mask = mask.within(window)
        parallel(B * headCount) { part in
            let (b, h) = (part / headCount, part % headCount)
            let head = AttentionHead(rows, sequence: b, head: h, keyHead: h / group, headWidth: D, T, S)
            let dropped = dropout?.mask(sequence: b, site: site)
            let (keys, values) = (head.packedKeys(factor: scale), head.packedValues())
            let scores = ThreadScratch.ofThread.floats(.scores, Attention.blockQueries * head.scoreStride)
            let result = ThreadScratch.ofThread.floats(.queryRows, Attention.blockQueries * head.rowStride)
            let o = output + b * T * C + h * D
            let sums = logSums + (b * headCount + h) * T
            forEachBlock(of: Attention.blockQueries, in: 0..<T) { queries in
                let visible = probabilities(
                    head, keys, into: scores, sequence: b, head: h, queries: queries, T, S, mask, biases
                ) { query, row, visible, logSum in
                    sums[query] = logSum
                    dropped?.apply(
                        row, count: visible.count,
                        first: dropoutIndex(head: h, query: query, T, S) + visible.lowerBound)
                }
                values.multiply(
                    Factor(base: scores, orientation: .plain, stride: head.scoreStride), rows: queries.count,
                    depths: visible, columns: 0..<D, into: result, stride: head.rowStride)
                for query in queries {
                    copy(result + (query - queries.lowerBound) * head.rowStride, into: o + query * C, count: D)
                }
            }
        }
    }

    /// Computes the probabilities of a block of queries of one head.
    ///
    /// - Parameters:
    ///   - keys: Kᵀ times the factor of scores.
    ///   - scores: The rows of probabilities, `head.scoreStride` apart; each begins with the first returned key.
    ///   - each: Called with each query, its row, the keys of the row, and log Σ e^score.
    /// - Returns: The keys of the rows.
    @inline(__always)
    func probabilities<Element: Storage>(
        _ head: AttentionHead<Element>, _ keys: PackedRight, into scores: UnsafeMutablePointer<Float>, sequence b: Int,
        head h: Int, queries: Range<Int>, _ T: Int, _ S: Int, _ mask: AttentionMask, _ biases: DistanceBiases?,
        each: (_ query: Int, _ row: UnsafeMutablePointer<Float>, _ keys: Range<Int>, _ logSum: Float) -> Void
    ) -> Range<Int> {
        let visible = mask.visible(sequence: b, block: queries, queries: T, keys: S)
        let (first, n) = (visible.lowerBound, visible.count)
        keys.multiply(
            head.queries(queries.lowerBound), rows: queries.count, depths: 0..<headWidth, columns: visible,
            into: scores,
            stride: head.scoreStride)
        for query in queries {
            let row = scores + (query - queries.lowerBound) * head.scoreStride
            let own = mask.visible(sequence: b, query: query, queries: T, keys: S)
            penalize(row, head: h, query: query, keys: visible)
            biases?.add(to: row, head: h, query: query, keys: visible)
            each(query, row, visible, softmax(row, from: own.lowerBound - first, to: own.upperBound - first, n))
        }
        return visible
    }

    /// Computes the backward pass of `forward`.
    ///
    /// - Parameters:
    ///   - rows, output, logSums: The inputs and outputs of the forward pass.
    ///   - outputGradient: [B, T, H · D].
    ///   - gradients: The gradients of queries, keys and values, overwritten.
    ///   - biases: The biases of the forward pass.
    ///   - biasGradients: [B, H, 2P − 1]; the gradients of the biases of each sequence, added to.
    @_specialize(where Element == Float, Gradient == Float)
    @_specialize(where Element == Float16, Gradient == Float)
    @_specialize(where Element == BFloat16, Gradient == Float)
    @_specialize(where Element == BFloat16, Gradient == BFloat16)
    package func backward<Element: Storage, Gradient: Storage>(
        _ rows: AttentionRows<Element>, output: UnsafePointer<Element>, logSums: UnsafePointer<Float>,
        outputGradient: UnsafePointer<Float>, into gradients: AttentionRows<Gradient>,
        sequences B: Int, queries T: Int, keys S: Int, mask: AttentionMask, biases: DistanceBiases? = nil,
        biasGradients: UnsafeMutablePointer<Float>? = nil, dropout: Dropout? = nil, site: Int = 0
    ) {
        let (C, D, group) = (headCount * headWidth, headWidth, headCount / keyHeadCount)
        let mask = mask.within(window)
        parallel(B * keyHeadCount) { part in
            let (b, keyHead) = (part / keyHeadCount, part % keyHeadCount)
            let head = AttentionHead(
                rows, sequence: b, head: keyHead * group, keyHead: keyHead, headWidth: D, T, S)
            let products = BackwardProducts(
                keys: head.packedKeys(factor: scale), values: head.packedTransposedValues(),
                keyRows: head.packedKeyRows())
            // The last strip of rows may end after the last key.
            let count = (S + PanelStrip.rows) * head.rowStride
            let keyGradients = ThreadScratch.ofThread.floats(.keyGradients, count)
            let valueGradients = ThreadScratch.ofThread.floats(.valueGradients, count)
            keyGradients.update(repeating: 0, count: count)
            valueGradients.update(repeating: 0, count: count)
            for h in keyHead * group..<(keyHead + 1) * group {
                let head = AttentionHead(rows, sequence: b, head: h, keyHead: keyHead, headWidth: D, T, S)
                let part = HeadGradient(
                    output: output + b * T * C + h * D, outputGradient: outputGradient + b * T * C + h * D,
                    stride: C, logSums: logSums + (b * headCount + h) * T,
                    queries: gradients.queries.at(row: b * T, column: h * D),
                    queryStride: gradients.queries.stride, keys: keyGradients, values: valueGradients, biases: biases,
                    biasGradients: biases.flatMap { biases in
                        biasGradients.map { $0 + (b * headCount + h) * biases.stride }
                    })
                backward(head, products, part, sequence: b, head: h, T, S, mask, dropout?.mask(sequence: b, site: site))
            }
            for key in 0..<S {
                let (row, column) = (b * S + key, keyHead * D)
                let offset = key * head.rowStride
                copy(keyGradients + offset, into: gradients.keys.at(row: row, column: column), count: D)
                copy(valueGradients + offset, into: gradients.values.at(row: row, column: column), count: D)
            }
        }
    }

    /// Operands of the products of a KV head's backward pass.
    private struct BackwardProducts {
        /// Kᵀ/√D, [D, S].
        let keys: PackedRight
        /// Vᵀ, [D, S].
        let values: PackedRight
        /// K, [S, D].
        let keyRows: PackedRight
    }

    /// What a query head's backward pass reads and writes.
    private struct HeadGradient<Element, Gradient> {
        /// The head's columns of the output and its gradient, [T, D], `stride` elements from row to row.
        let output: UnsafePointer<Element>
        let outputGradient: UnsafePointer<Float>
        let stride: Int
        /// [T].
        let logSums: UnsafePointer<Float>
        /// [T, D], `queryStride` elements from row to row; overwritten.
        let queries: UnsafeMutablePointer<Gradient>
        let queryStride: Int
        /// [S, D rounded up to a multiple of 32]; added to.
        let keys: UnsafeMutablePointer<Float>
        let values: UnsafeMutablePointer<Float>
        let biases: DistanceBiases?
        /// [2P − 1]; added to.
        let biasGradients: UnsafeMutablePointer<Float>?
    }

    /// Computes the backward pass of query head `h`.
    @inline(__always)
    private func backward<Element: Storage, Gradient: Storage>(
        _ head: AttentionHead<Element>, _ products: BackwardProducts, _ gradient: HeadGradient<Element, Gradient>,
        sequence b: Int, head h: Int, _ T: Int, _ S: Int, _ mask: AttentionMask, _ dropped: DropoutMask?
    ) {
        let (D, stride) = (headWidth, head.scoreStride)
        let probabilities = ThreadScratch.ofThread.floats(.scores, 2 * Attention.backwardQueries * stride)
        let dScores = probabilities + Attention.backwardQueries * stride
        let dQueries = ThreadScratch.ofThread.floats(.queryRows, Attention.blockQueries * head.rowStride)
        forEachBlock(of: Attention.backwardQueries, in: 0..<T) { block in
            let keys = mask.visible(sequence: b, block: block, queries: T, keys: S)
            forEachBlock(of: Attention.blockQueries, in: block) { queries in
                let visible = mask.visible(sequence: b, block: queries, queries: T, keys: S)
                let (first, n) = (visible.lowerBound - keys.lowerBound, visible.count)
                let p = probabilities + (queries.lowerBound - block.lowerBound) * stride
                let ds = dScores + (queries.lowerBound - block.lowerBound) * stride
                // Each row is on a page of its own; it is available after the products.
                for query in queries {
                    for column in Swift.stride(from: 0, to: D, by: lanes) {
                        ctiles_prefetch(gradient.output + query * gradient.stride + column)
                        ctiles_prefetch_to_write(gradient.queries + query * gradient.queryStride + column)
                    }
                }
                products.keys.multiply(
                    head.queries(queries.lowerBound), rows: queries.count, depths: 0..<D,
                    columns: visible, into: p + first, stride: stride)
                products.values.multiply(
                    Factor(
                        base: gradient.outputGradient + queries.lowerBound * gradient.stride, orientation: .plain,
                        stride: gradient.stride),
                    rows: queries.count, depths: 0..<D, columns: visible, into: ds + first, stride: stride)
                for query in queries {
                    let (p, ds) = (
                        p + (query - queries.lowerBound) * stride, ds + (query - queries.lowerBound) * stride
                    )
                    let place = dropoutIndex(head: h, query: query, T, S) + visible.lowerBound
                    let own = mask.visible(sequence: b, query: query, queries: T, keys: S)
                    penalize(p + first, head: h, query: query, keys: visible)
                    gradient.biases?.add(to: p + first, head: h, query: query, keys: visible)
                    dropped?.apply(ds + first, count: n, first: place)
                    softmaxGradient(
                        p, ds, logSum: gradient.logSums[query],
                        outputProduct: dot(
                            gradient.outputGradient + query * gradient.stride,
                            gradient.output + query * gradient.stride, count: D),
                        scale: scale, from: own.lowerBound - keys.lowerBound, to: own.upperBound - keys.lowerBound,
                        keys.count)
                    dropped?.apply(p + first, count: n, first: place)
                    if let biases = gradient.biases, let sums = gradient.biasGradients {
                        // The gradient of a score includes the factor of the product Q·Kᵀ, which biases do not have.
                        biases.addGradient(of: ds + first, query: query, keys: visible, factor: 1 / scale, to: sums)
                    }
                }
                products.keyRows.multiply(
                    Factor(base: ds + first, orientation: .plain, stride: stride), rows: queries.count,
                    depths: visible, columns: 0..<D, into: dQueries, stride: head.rowStride)
                for query in queries {
                    copy(
                        dQueries + (query - queries.lowerBound) * head.rowStride,
                        into: gradient.queries + query * gradient.queryStride, count: D)
                }
            }
            let outputGradient = head.packed(
                gradient.outputGradient + block.lowerBound * gradient.stride, stride: gradient.stride,
                rows: block.count, .outputGradients)
            let queries = head.packed(
                head.queries(block.lowerBound).base, stride: head.queries(0).stride, rows: block.count, .queries)
            outputGradient.multiply(
                Factor(base: probabilities, orientation: .transposed, stride: stride), rows: keys.count,
                depths: 0..<block.count, columns: 0..<D, into: gradient.values + keys.lowerBound * head.rowStride,
                stride: head.rowStride, accumulating: true)
            queries.multiply(
                Factor(base: dScores, orientation: .transposed, stride: stride), rows: keys.count,
                depths: 0..<block.count, columns: 0..<D, into: gradient.keys + keys.lowerBound * head.rowStride,
                stride: head.rowStride, accumulating: true)
        }
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
    for (offsets, width) in vectors(n) {
        for i in offsets {
            let x = load(visible + i, width, filler: -.infinity)
            highest.replace(with: x, where: x .> highest)
        }
    }
    let maximum = highest.lanesMaximum
    var sums = SIMD16<Float>()
    for (offsets, width) in vectors(n) {
        for i in offsets {
            let e = exponential(load(visible + i, width, filler: -.infinity) - maximum)
            store(e, visible + i, width)
            sums += e
        }
    }
    let sum = sums.lanesSum
    let reciprocal = 1 / sum
    for (offsets, width) in vectors(n) {
        for i in offsets { store(load(visible + i, width) * reciprocal, visible + i, width) }
    }
    clear(scores, outside: first..<last, count)
    return maximum + log(sum)
}

/// Computes score −= slope · |distance| for the distances `first`, `first` + 1, …
private func penalizeDistances(_ scores: UnsafeMutablePointer<Float>, slope: Float, from first: Float, count: Int) {
    for (offsets, width) in vectors(count) {
        for i in offsets {
            let distances = ascending + (first + Float(i))
            let penalty = distances.replacing(with: -distances, where: distances .< 0) * slope
            store(load(scores + i, width) - penalty, scores + i, width)
        }
    }
}

/// The vector 0, 1, … 15.
private let ascending = SIMD16<Float>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)

/// Computes probability = e^(score − logSum) and gradient = probability · (gradient − outputProduct) · scale, the
/// backward pass of softmax, in place for the keys `first` ..< `last`; both are 0 for the other ones of `count`.
private func softmaxGradient(
    _ scores: UnsafeMutablePointer<Float>, _ gradient: UnsafeMutablePointer<Float>, logSum: Float,
    outputProduct: Float, scale: Float, from first: Int, to last: Int, _ count: Int
) {
    for (offsets, width) in vectors(in: first..<last) {
        for i in offsets {
            let probability = exponential(load(scores + i, width) - logSum)
            store(probability, scores + i, width)
            store(probability * (load(gradient + i, width) - outputProduct) * scale, gradient + i, width)
        }
    }
    clear(scores, outside: first..<last, count)
    clear(gradient, outside: first..<last, count)
}

/// Sets the elements of a row outside `range` to 0.
@inline(__always)
private func clear(_ row: UnsafeMutablePointer<Float>, outside range: Range<Int>, _ count: Int) {
    row.update(repeating: 0, count: range.lowerBound)
    (row + range.upperBound).update(repeating: 0, count: count - range.upperBound)
}

/// Stores a row of Float32 in another type.
@inline(__always)
private func copy<Element: Storage>(
    _ row: UnsafePointer<Float>, into target: UnsafeMutablePointer<Element>, count: Int
) {
    for (offsets, width) in vectors(count) { for i in offsets { store(load(row + i, width), target + i, width) } }
}

/// Calls `body` for consecutive blocks of `size` elements of `range`, the last of which may be smaller.
@inline(__always)
func forEachBlock(of size: Int, in range: Range<Int>, _ body: (_ block: Range<Int>) -> Void) {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: size) {
        body(start..<min(start + size, range.upperBound))
    }
}

/// Returns Σ a·b.
@inline(__always)
func dot<Element: Storage>(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Element>, count: Int) -> Float {
    var sum = SIMD16<Float>()
    for (offsets, width) in vectors(count) {
        for i in offsets { sum = sum.addingProduct(load(a + i, width), load(b + i, width)) }
    }
    return sum.lanesSum
}
