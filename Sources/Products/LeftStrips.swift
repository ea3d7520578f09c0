import CTiles
import Numbers

/// Strips of 12 rows of operand A, over the elements of one panel along K, in the layout that register kernels read.
///
/// Strips are read where A is stored if it consists of words in that layout; otherwise they are packed.
struct LeftStrips<Element: Storage> {
    private let packing: PanelPacking<Element>
    private let rows: Range<Int>
    private let panel: UnsafeMutablePointer<UInt32>
    private let isInPlace: Bool

    /// Strips of the rows `rows` of `count`, which are packed into `panel` if they must be.
    init(
        _ packing: PanelPacking<Element>, _ rows: Range<Int>, of count: Int, panel: UnsafeMutablePointer<UInt32>
    ) {
        self.packing = packing
        self.rows = rows
        self.panel = panel
        isInPlace = packing.isInPlace
        // Kernels read whole strips.
        let packed = isInPlace ? rows.count / PanelStrip.rows * PanelStrip.rows : 0
        if packed < rows.count {
            packing.packLeft(
                rows.lowerBound + packed..<rows.upperBound, of: count,
                into: panel + packed / PanelStrip.rows * PanelStrip.leftWords)
        }
    }

    /// Returns the strip that starts at row `row`, and the distance of its rows or words.
    @inline(__always)
    func strip(_ row: Int) -> (strip: UnsafeRawPointer, distance: Int) {
        if isInPlace && row + PanelStrip.rows <= rows.upperBound {
            return (packing.stored(row: row), packing.storedDistance)
        }
        return (
            UnsafeRawPointer(panel + (row - rows.lowerBound) / PanelStrip.rows * PanelStrip.leftWords),
            packing.packedDistance
        )
    }

    /// Prefetches part `part` of `parts` of the strip that starts at row `row`, if its rows are read where they are
    /// stored: each is on a page of its own. (Prefetching words across rows was not faster: measured.)
    @inline(__always)
    func prefetch(_ row: Int, part: Int, of parts: Int) {
        let height = PanelStrip.rows
        guard isInPlace, row + height <= rows.upperBound, let rowBytes = packing.rowBytes else { return }
        let (strip, distance) = strip(row)
        let size = (height + parts - 1) / parts
        for line in stride(from: part * size, to: min(height, (part + 1) * size), by: 1) {
            let first = strip + line * distance * MemoryLayout<UInt32>.stride
            for offset in stride(from: 0, to: rowBytes, by: 64) { ctiles_prefetch(first + offset) }
        }
    }
}
