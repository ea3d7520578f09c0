import CProducts
import Numbers
import Tensors
import Threads

/// Matmuls by register kernels over packed panels.
///
/// Panels of A and B are converted and packed into strips, a strip of B stays in the L2 cache and one of A in the L1
/// cache, and a register kernel computes the sums of a strip of each at a time. If an operand is bfloat16 and the process's
/// `ProductArithmetic` multiplies such numbers, both are packed as bfloat16; otherwise as Float32.
///
/// An element of C is the sum over panels of up to `PanelStrip.depth` words along K, and within a panel one
/// multiply-add after another. This order depends on k only: the number of threads, the width of vectors and the other
/// rows and columns do not change any bit.
///
/// - Source: Goto & van de Geijn 2008, doi:10.1145/1356052.1356053.
package enum PanelProduct {
    /// Whether the CPU multiplies pairs of bfloat16.
    static let multipliesPairs = kernels(.bfloat16Pair, .plain).multiply != nil

    /// The minimum number of multiply-adds per thread.
    private static let grain = 1 << 19

    /// Computes the matmul in parallel, split along the longer side of C.
    static func runInParallel<A: Storage, B: Storage, C: Storage>(
        _ left: Factor<A>, _ right: Factor<B>, _ bias: UnsafePointer<B>?, _ c: UnsafeMutablePointer<C>, _ cStride: Int,
        m: Int, n: Int, k: Int, alpha: Float, accumulating: Bool, asBFloat16: Bool
    ) {
        let word = word(asBFloat16: asBFloat16)
        let product = PanelBlocks(
            left: left, right: right, bias: bias, c: c, cStride: cStride, m: m, k: k, alpha: alpha,
            accumulating: accumulating, word: word, kernels: kernels(word, left.orientation))
        parallelBlocks(
            rows: m, multiple: PanelStrip.rows, columns: n, multiple: PanelStrip.columns, parts: m * n * k / grain
        ) { rows, columns in
            product.compute(rows, columns)
        }
    }

    /// Returns the words of both operands' panels.
    package static func word(asBFloat16: Bool) -> PanelWord {
        asBFloat16 && multipliesPairs && ProductArithmetic.current != .reproducible ? .bfloat16Pair : .float32
    }

    /// Returns the register kernels for words and the orientation of A; nil: the CPU has none.
    static func kernels(_ word: PanelWord, _ orientation: Orientation) -> cproducts_kernels {
        cproducts_choose(
            level, word == .float32 ? cproducts_float32 : cproducts_bfloat16_pair,
            orientation == .plain ? cproducts_row_major : cproducts_word_major)
    }

    /// The instructions that this process uses.
    private static let level: cproducts_level = {
        let (supported, limit) = (cproducts_supported(), KernelLimit.current?.level ?? cproducts_avx512_bf16)
        return supported.rawValue < limit.rawValue ? supported : limit
    }()
}

/// The operands of a matmul, which is computed block by block.
private struct PanelBlocks<A: Storage, B: Storage, C: Storage> {
    let left: Factor<A>
    let right: Factor<B>
    let bias: UnsafePointer<B>?
    let c: UnsafeMutablePointer<C>
    let cStride: Int
    let m: Int
    let k: Int
    let alpha: Float
    let accumulating: Bool
    let word: PanelWord
    let kernels: cproducts_kernels

    /// The maximum number of words of an A panel, which is packed once for all B panels.
    private static var leftWords: Int { 1 << 21 }
    /// The maximum number of Float32 sums that wait for the next panel if C itself has another type.
    private static var waitingSums: Int { 1 << 20 }

    /// Whether register kernels store whole blocks of C.
    private var isRoundedByKernels: Bool {
        if accumulating { return false }
        return word == .bfloat16Pair
            ? C.self == BFloat16.self : C.self == Float16.self && kernels.widen_and_multiply != nil
    }

    /// The position of a panel along K.
    private struct Depths {
        let range: Range<Int>
        let words: Int
        let isFirst: Bool
        let isLast: Bool
    }

    /// Computes the elements of C in these rows and columns.
    func compute(_ rows: Range<Int>, _ columns: Range<Int>) {
        let (height, width) = (PanelStrip.rows, PanelStrip.columns)
        let depth = evenPart(word.words(k), atMost: PanelStrip.depth, multiple: lanes) * word.elements
        let strip = PanelStrip.rightWords(word.words(depth))
        let panelColumns = min(max(1, PanelStrip.panelWords / strip), (columns.count + width - 1) / width) * width
        let waits = C.self != Float.self && depth < k
        let waitingStride = (columns.count + width - 1) / width * width
        var strips = min(Self.leftWords / PanelStrip.leftWords, (rows.count + height - 1) / height)
        if waits { strips = min(strips, max(1, Self.waitingSums / (waitingStride * height))) }
        let scratch = ThreadScratch.ofThread
        let leftPanel = scratch.words(.left, strips * PanelStrip.leftWords)
        let rightPanel = scratch.words(.right, panelColumns / width * strip)
        let waiting = waits ? scratch.floats(.sums, strips * height * waitingStride) : nil
        let tile = scratch.floats(.tile, height * panelColumns)
        let shifts = bias.map { bias in
            let shifts = scratch.floats(.bias, columns.count)
            for (offsets, width) in vectors(columns.count) {
                for offset in offsets {
                    store(load(bias + columns.lowerBound + offset, width), shifts + offset, width)
                }
            }
            return UnsafePointer(shifts)
        }

        for firstRow in stride(from: rows.lowerBound, to: rows.upperBound, by: strips * height) {
            let rows = firstRow..<min(firstRow + strips * height, rows.upperBound)
            for start in stride(from: 0, to: k, by: depth) {
                let range = start..<min(start + depth, k)
                let depths = Depths(
                    range: range, words: word.words(range.count), isFirst: start == 0, isLast: range.upperBound == k)
                let leftStrips = LeftStrips(
                    PanelPacking(left, range, word, factor: alpha), rows, of: m, panel: leftPanel, kernels)
                for firstColumn in stride(from: columns.lowerBound, to: columns.upperBound, by: panelColumns) {
                    let panel = firstColumn..<min(firstColumn + panelColumns, columns.upperBound)
                    let rightStrips = RightStrips(
                        PanelPacking(right, range, word), panel, stripWords: strip, panel: rightPanel, kernels)
                    multiply(
                        leftStrips, rightStrips, rows, panel, isFirstPanel: firstColumn == columns.lowerBound, depths,
                        tile, waiting.map { $0 + firstColumn - columns.lowerBound }, waitingStride,
                        depths.isLast ? shifts.map { $0 + firstColumn - columns.lowerBound } : nil)
                }
            }
        }
    }

    /// Multiplies strips of A by a packed B panel.
    ///
    /// - Parameters:
    ///   - isFirstPanel: Whether no panel of B was multiplied by the strips of A yet.
    ///   - tile: A buffer for the sums of a strip of A.
    ///   - waiting: The sums that wait for the next panel, from the first row and column on.
    ///   - shifts: The bias from the first column on, if these are the last sums.
    @inline(__always)
    private func multiply(
        _ leftStrips: LeftStrips<A>, _ rightStrips: RightStrips<B>,
        _ rows: Range<Int>, _ columns: Range<Int>, isFirstPanel: Bool, _ depths: Depths,
        _ tile: UnsafeMutablePointer<Float>, _ waiting: UnsafeMutablePointer<Float>?, _ waitingStride: Int,
        _ shifts: UnsafePointer<Float>?
    ) {
        let (height, width) = (PanelStrip.rows, PanelStrip.columns)
        let isComplete = waiting == nil || depths.isLast
        let isStoredByKernels = C.self == Float.self || isComplete && isRoundedByKernels
        for row in stride(from: rows.lowerBound, to: rows.upperBound, by: height) {
            let left = leftStrips.strip(row)
            let count = min(height, rows.upperBound - row)
            let isFirst = row == rows.lowerBound
            let ahead = leftStrips.ahead(of: row, isFirst: isFirstPanel)
            let stored =
                columns.lowerBound + (isStoredByKernels && count == height ? columns.count / width * width : 0)
            let line = c + row * cStride + columns.lowerBound
            var target = cproducts_target(
                sums: tile, stride: (columns.count + width - 1) / width * width, adding: 0, shift: nil, rounded: nil,
                rounded_stride: 0, ahead: ahead)
            if let waiting {
                target.sums = waiting + (row - rows.lowerBound) * waitingStride
                (target.stride, target.adding) = (waitingStride, depths.isFirst ? 0 : 1)
            }
            if stored > columns.lowerBound {
                var whole = target
                if let line = line as? UnsafeMutablePointer<Float> {
                    (whole.sums, whole.stride) = (line, cStride)
                    whole.adding = accumulating || !depths.isFirst ? 1 : 0
                } else {
                    whole.rounded = UnsafeMutableRawPointer(line).assumingMemoryBound(to: UInt16.self)
                    whole.rounded_stride = cStride
                }
                whole.shift = shifts
                if stored < columns.upperBound { whole.ahead = .nothing }
                rightStrips.multiply(
                    left, columns.lowerBound..<stored, isFirst: isFirst, words: depths.words, rows: count, into: whole)
            }
            if stored < columns.upperBound {
                let first = stored - columns.lowerBound
                target.sums += first
                rightStrips.multiply(
                    left, stored..<columns.upperBound, isFirst: isFirst, words: depths.words, rows: count, into: target)
                if isComplete {
                    finish(
                        target.sums, target.stride, line + first, shifts.map { $0 + first }, count,
                        columns.upperBound - stored, adding: accumulating || waiting == nil && !depths.isFirst)
                }
            }
        }
    }

    /// Stores sums plus `shift` to C, rounded.
    @inline(__always)
    private func finish(
        _ sums: UnsafeMutablePointer<Float>, _ sumsStride: Int, _ target: UnsafeMutablePointer<C>,
        _ shift: UnsafePointer<Float>?, _ rows: Int, _ columns: Int, adding: Bool
    ) {
        for (offsets, width) in vectors(columns) {
            for offset in offsets {
                let shift = shift.map { load($0 + offset, width) }
                for row in 0..<rows {
                    var value = load(sums + row * sumsStride + offset, width)
                    let place = target + row * cStride + offset
                    if adding { value = load(place, width) + value }
                    if let shift { value += shift }
                    store(value, place, width)
                }
            }
        }
    }
}
