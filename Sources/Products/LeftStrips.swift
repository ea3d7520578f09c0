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

    /// Returns what is to be prefetched for the strip that starts at row `row`. (Prefetching words across rows was not
    /// faster: measured.)
    @inline(__always)
    func rowsAhead(_ row: Int) -> RowsAhead? {
        guard isInPlace, !packing.isTransposed, row + PanelStrip.rows <= rows.upperBound else { return nil }
        return RowsAhead(first: packing.stored(row: row), pitch: packing.storedBytes)
    }
}

/// Rows of words along K that are prefetched.
struct RowsAhead {
    let first: UnsafeRawPointer
    /// The number of bytes from row to row.
    let pitch: Int
}
