import CProducts
import Numbers

/// Strips of 32 columns of operand B, over the elements of one panel along K.
///
/// Strips of plain B, which are stored row by row, are packed by the register kernel that reads them first, while it
/// multiplies. Those of transposed B are packed before they are read first. The other ones are packed in advance.
struct RightStrips<Element: Storage> {
    private let packing: PanelPacking<Element>
    private let columns: Range<Int>
    private let stripWords: Int
    private let panel: UnsafeMutablePointer<UInt32>
    private let kernel: cproducts_kernel
    private let packingKernel: cproducts_packing_kernel?
    /// The first column that is packed in advance.
    private let firstPacked: Int

    /// Strips of the columns `columns`, which are packed into `panel`, a strip every `stripWords` words.
    init(
        _ packing: PanelPacking<Element>, _ columns: Range<Int>, stripWords: Int, panel: UnsafeMutablePointer<UInt32>,
        _ kernels: cproducts_kernels
    ) {
        kernel = kernels.multiply
        packingKernel = packing.packingKernel(kernels)
        (self.packing, self.columns, self.stripWords, self.panel) = (packing, columns, stripWords, panel)
        firstPacked =
            packing.isTransposed
            ? columns.upperBound
            : packingKernel == nil ? columns.lowerBound : columns.upperBound - columns.count % PanelStrip.columns
        if firstPacked < columns.upperBound {
            packing.packRight(
                firstPacked..<columns.upperBound, stripWords: stripWords, into: strip(firstPacked))
        }
    }

    /// Multiplies a strip of A by the strip that starts at column `column`.
    ///
    /// - Parameters:
    ///   - isFirst: Whether this is the first use of the strip.
    ///   - left: The strip of A, and the distance of its rows or words.
    ///   - words: The number of words along K.
    ///   - rows: The number of rows.
    ///   - target: Where the sums go.
    @inline(__always)
    func multiply(
        _ left: (strip: UnsafeRawPointer, distance: Int), column: Int, isFirst: Bool,
        words: Int, rows: Int, into target: cproducts_target
    ) {
        let strip = strip(column)
        withUnsafePointer(to: target) { target in
            if isFirst && column < firstPacked {
                if let packingKernel {
                    return packingKernel(
                        left.strip, left.distance, packing.stored(column: column), packing.storedBytes, strip, words,
                        Int32(rows), target)
                }
                packing.packRight(
                    column..<min(column + PanelStrip.columns, columns.upperBound), stripWords: stripWords, into: strip)
            }
            kernel(left.strip, left.distance, strip, words, Int32(rows), target)
        }
    }

    /// Returns what is to be prefetched for packing the strip that starts at column `column`.
    @inline(__always)
    func ahead(_ column: Int) -> cproducts_ahead {
        guard packing.isTransposed, column < columns.upperBound else { return .nothing }
        return cproducts_ahead(prefetching: packing.stored(column: column), pitch: packing.storedBytes)
    }

    private func strip(_ column: Int) -> UnsafeMutablePointer<UInt32> {
        panel + (column - columns.lowerBound) / PanelStrip.columns * stripWords
    }
}
