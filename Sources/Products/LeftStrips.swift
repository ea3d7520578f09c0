import CProducts
import Numbers

/// Strips of 12 rows of operand A, over the elements of one panel along K, in the layout that register kernels read.
///
/// Strips are read where A is stored if it consists of words in that layout, unless too many of them would share lines of
/// the L1 cache. Others are packed once for all panels of B: if possible by the register kernels of the strips before,
/// while they multiply, else in advance. Kernels pack a row-major strip at a time, and four word-major ones.
struct LeftStrips<Element: Storage> {
    private let packing: PanelPacking<Element>
    private let rows: Range<Int>
    private let panel: UnsafeMutablePointer<UInt32>
    private let isInPlace: Bool
    /// How kernels pack strips; nil: they do not.
    private let task: cproducts_task?
    /// The number of rows that kernels pack at a time.
    private let rowsAhead: Int

    /// Strips of the rows `rows` of `count`, which are packed into `panel` if they must be.
    init(
        _ packing: PanelPacking<Element>, _ rows: Range<Int>, of count: Int, panel: UnsafeMutablePointer<UInt32>,
        _ kernels: cproducts_kernels
    ) {
        self.packing = packing
        self.rows = rows
        self.panel = panel
        isInPlace = packing.isInPlace
        task = isInPlace ? nil : packing.leftTask(kernels)
        rowsAhead = packing.isTransposed && !isInPlace ? PanelStrip.rows * PanelStrip.ahead : PanelStrip.rows
        guard isInPlace || task != nil else {
            pack(rows, of: count)
            return
        }
        // Kernels read and pack whole strips, and no kernel runs before the first strip is read.
        let first = isInPlace ? rows.lowerBound : min(rows.lowerBound + rowsAhead, rows.upperBound)
        pack(rows.lowerBound..<first, of: count)
        pack(rows.upperBound - (rows.upperBound - first) % rowsAhead..<rows.upperBound, of: count)
    }

    /// Packs the rows `range`, which start a strip, of `count`.
    private func pack(_ range: Range<Int>, of count: Int) {
        if !range.isEmpty { packing.packLeft(range, of: count, into: packed(range.lowerBound)) }
    }

    private func packed(_ row: Int) -> UnsafeMutablePointer<UInt32> {
        panel + (row - rows.lowerBound) / PanelStrip.rows * PanelStrip.leftWords
    }

    /// Returns the strip that starts at row `row`, and the distance of its rows or words.
    @inline(__always)
    func strip(_ row: Int) -> (strip: UnsafeRawPointer, distance: Int) {
        if isInPlace && row + PanelStrip.rows <= rows.upperBound {
            return (packing.stored(row: row), packing.storedDistance)
        }
        return (UnsafeRawPointer(packed(row)), packing.packedDistance)
    }

    /// Returns what a kernel that reads the strip of row `row` last does for the ones after it.
    ///
    /// - Parameter isFirst: Whether no panel of B was multiplied by the strip yet.
    @inline(__always)
    func ahead(of row: Int, isFirst: Bool) -> cproducts_ahead {
        let next = row + PanelStrip.rows
        guard next + PanelStrip.rows <= rows.upperBound else { return .nothing }
        if isInPlace {
            // Prefetching words across rows was not faster: measured.
            return packing.isTransposed
                ? .nothing : cproducts_ahead(prefetching: packing.stored(row: next), pitch: packing.storedBytes)
        }
        let index = (row - rows.lowerBound) % rowsAhead
        let packedNext = row - index + rowsAhead
        if let task, isFirst, packedNext + rowsAhead <= rows.upperBound {
            // Each strip of several that are packed at a time has its part of the words.
            let word = index * packing.words / rowsAhead
            return cproducts_ahead(
                task: task,
                source: packing.stored(row: packedNext, word: word).assumingMemoryBound(to: CChar.self),
                pitch: packing.storedBytes, packed: packed(packedNext) + word * PanelStrip.rows)
        }
        return cproducts_ahead(prefetching: packed(next), pitch: packing.packedLineBytes)
    }
}

extension cproducts_ahead {
    /// Nothing to do.
    static var nothing: cproducts_ahead {
        cproducts_ahead(task: cproducts_nothing, source: nil, pitch: 0, packed: nil)
    }

    /// Rows of words, `pitch` bytes apart.
    init(prefetching rows: UnsafeRawPointer, pitch: Int) {
        self.init(
            task: cproducts_prefetch, source: rows.assumingMemoryBound(to: CChar.self), pitch: pitch, packed: nil)
    }
}
