import CProducts
import Numbers

/// Strips of columns of operand B, over the elements of one panel along K.
///
/// Strips of plain B, which are stored row by row, are packed by the register kernel that reads them first, while it
/// multiplies. Those of transposed B are packed before they are read first. The other ones are packed in advance.
struct RightStrips<Element: Storage> {
    private let packing: PanelPacking<Element>
    private let columns: Range<Int>
    private let stripWords: Int
    private let panel: UnsafeMutablePointer<UInt32>
    private let kernel: cproducts_kernel
    private let packingKernel: cproducts_kernel?
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

    /// Multiplies a strip of A by strips of B.
    ///
    /// - Parameters:
    ///   - left: The strip of A, and the distance of its rows or words.
    ///   - part: Columns from the start of a strip on, to the end of a strip or of all columns.
    ///   - isFirst: Whether this is the first use of these strips.
    ///   - words: The number of words along K.
    ///   - rows: The number of rows.
    ///   - target: Where the sums go.
    @inline(__always)
    func multiply(
        _ left: (strip: UnsafeRawPointer, distance: Int), _ part: Range<Int>, isFirst: Bool, words: Int, rows: Int,
        into target: cproducts_target
    ) {
        func run(_ kernel: cproducts_kernel, _ piece: Range<Int>, ahead: cproducts_ahead) {
            var operands = cproducts_operands(
                left: left.strip, left_distance: left.distance, rows: Int32(rows), depth: words,
                right: strip(piece.lowerBound), right_distance: stripWords,
                strips: Int32(PanelStrip.rightStrips(piece)),
                source: packing.stored(column: piece.lowerBound).assumingMemoryBound(to: CChar.self),
                pitch: packing.storedBytes)
            var target = target.advanced(by: piece.lowerBound - part.lowerBound)
            target.ahead = ahead
            kernel(&operands, &target)
        }
        var packed = part
        if isFirst, part.lowerBound < firstPacked {
            let packedNow = part.clamped(to: columns.lowerBound..<firstPacked)
            packed = packedNow.upperBound..<part.upperBound
            if let packingKernel {
                run(packingKernel, packedNow, ahead: packed.isEmpty ? target.ahead : .nothing)
            } else {
                for column in stride(from: packedNow.lowerBound, to: packedNow.upperBound, by: PanelStrip.columns) {
                    let piece = column..<min(column + PanelStrip.columns, packedNow.upperBound)
                    packing.packRight(piece, stripWords: stripWords, into: strip(column))
                    let next = cproducts_ahead(
                        prefetching: packing.stored(column: piece.upperBound), pitch: packing.storedBytes)
                    run(kernel, piece, ahead: piece.upperBound < columns.upperBound ? next : target.ahead)
                }
            }
        }
        if !packed.isEmpty { run(kernel, packed, ahead: target.ahead) }
    }

    private func strip(_ column: Int) -> UnsafeMutablePointer<UInt32> {
        panel + (column - columns.lowerBound) / PanelStrip.columns * stripWords
    }
}

extension cproducts_target {
    /// Returns the target of the sums from column `columns` on.
    fileprivate func advanced(by columns: Int) -> cproducts_target {
        var target = self
        target.sums += columns
        if let shift { target.shift = shift + columns }
        if let rounded { target.rounded = rounded + columns }
        return target
    }
}
