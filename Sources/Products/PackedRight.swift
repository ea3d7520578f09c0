import CProducts
import Numbers
import Tensors

/// Operand B, [k, n], of several small matmuls, packed once for all of them.
///
/// Its panels start at multiples of `PanelStrip.depth` words, so that the sum of an element is the same for every range
/// of elements along K that it is computed from, if the other ones are 0.
package struct PackedRight {
    private let panels: UnsafeMutablePointer<UInt32>
    private let word: PanelWord
    /// The number of strips.
    private let strips: Int
    private let k: Int

    /// The number of elements along K in every panel except the last.
    private var depth: Int { PanelStrip.depth * word.elements }

    /// Packs `source` times `factor`; the columns from n to the end of the last strip become 0.
    ///
    /// - Parameter use: The buffer of this thread that holds the panels until its next use.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    @_specialize(where Element == BFloat16)
    package init<Element: Storage>(
        _ source: Factor<Element>, k: Int, n: Int, factor: Float = 1, _ word: PanelWord, _ use: ThreadScratch.Use
    ) {
        self.word = word
        self.k = k
        strips = (n + PanelStrip.columns - 1) / PanelStrip.columns
        panels = ThreadScratch.ofThread.words(
            use,
            (k + word.elements * PanelStrip.depth - 1) / (word.elements * PanelStrip.depth) * strips
                * PanelStrip.rightWords(PanelStrip.depth))
        for start in stride(from: 0, to: k, by: depth) {
            PanelPacking(source, start..<min(start + depth, k), word, factor: factor)
                .packRight(0..<n, stripWords: stripWords(start), into: panel(start))
        }
    }

    /// The number of words of a strip in the panel that starts at element `start` along K.
    private func stripWords(_ start: Int) -> Int { PanelStrip.rightWords(word.words(min(depth, k - start))) }

    private func panel(_ start: Int) -> UnsafeMutablePointer<UInt32> {
        panels + start / depth * strips * PanelStrip.rightWords(PanelStrip.depth)
    }

    /// Computes C = A·B or C += A·B for the elements `depths` along K, of which the other ones are 0.
    ///
    /// - Parameters:
    ///   - a: The first row of A, [m, depths], which starts at element `depths.lowerBound` along K.
    ///   - depths: Its start is a multiple of 32.
    ///   - columns: A range of columns that starts at a multiple of 32.
    ///   - c: [m, columns], with room for m rounded up to a multiple of 12, whose rows from m on are undefined
    ///     afterwards or, when accumulating, unchanged; and for the number of columns rounded up to a multiple of 32.
    @_specialize(where A == Float)
    @_specialize(where A == Float16)
    @_specialize(where A == BFloat16)
    package func multiply<A: Storage>(
        _ a: Factor<A>, rows m: Int, depths: Range<Int>, columns: Range<Int>,
        into c: UnsafeMutablePointer<Float>, stride cStride: Int, accumulating: Bool = false
    ) {
        let (height, width) = (PanelStrip.rows, PanelStrip.columns)
        let kernels = PanelProduct.kernels(word, a.orientation)
        let left = ThreadScratch.ofThread.words(.left, PanelStrip.leftWords)
        for row in stride(from: 0, to: m, by: height) {
            let count = min(height, m - row)
            var adding = accumulating
            for start in stride(from: depths.lowerBound / depth * depth, to: depths.upperBound, by: depth) {
                let part = max(start, depths.lowerBound)..<min(start + depth, depths.upperBound)
                let range = part.lowerBound - depths.lowerBound..<part.upperBound - depths.lowerBound
                let (strip, distance) = LeftStrips(
                    PanelPacking(a, range, word), row..<row + count, of: m, panel: left, kernels
                ).strip(row)
                let first = panel(start) + word.words(part.lowerBound - start) * width
                var operands = cproducts_operands(
                    left: strip, left_distance: distance, rows: Int32(count), depth: word.words(part.count),
                    right: first + columns.lowerBound / width * stripWords(start), right_distance: stripWords(start),
                    strips: Int32(PanelStrip.rightStrips(columns)), source: nil, pitch: 0)
                var target = cproducts_target(
                    sums: c + row * cStride, stride: cStride, adding: adding ? 1 : 0, shift: nil, rounded: nil,
                    rounded_stride: 0, ahead: .nothing)
                kernels.multiply(&operands, &target)
                adding = true
            }
        }
    }
}
