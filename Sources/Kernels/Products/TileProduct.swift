import CTiles

/// Products by the processor's matrix unit (AMX), which multiplies bfloat16 and sums in Float32 sixteen times as fast as
/// vectors do.
///
/// Float32 numbers are split into three bfloat16 parts, exactly, and the six largest of the nine products of parts are
/// summed: what is left out is below 2⁻²³ of |a|·|b|, typically below half a unit in the last place of the product, and the
/// whole is measured to be as exact as `dnnl_sgemm`. Where a factor is stored in Float16, two parts of each factor and
/// three products do: what is left out is below 2⁻¹⁶ of |a|·|b|, where storing has rounded at 2⁻¹¹.
///
/// The sums of an element are taken in an order that depends on k alone: cutting m and n changes no bit.
///
/// - Source: Henry, Tang & Heinecke 2019, arXiv:1904.06376, for Float32 from bfloat16 parts; Goto & van de Geijn 2008,
///   doi:10.1145/1356052.1356053, for the blocks.
enum TileProduct {
    /// Whether the program is built for the matrix unit, and the processor and the system have it.
    static let isAvailable = ctiles_built_for() == 1 && ctiles_enable() == 1

    /// The most summed elements of a packed panel, bytes of the right panel, and rows of the left one.
    private static let (panelDepth, rightBytes, leftRows) = (512, 1 << 20, 128)
    /// The most bytes of sums that wait for their next panel, where C itself cannot hold them.
    private static let sumsBytes = 1 << 20

    static func run<A: Storage, B: Storage, C: Storage>(
        _ left: Factor<A>, _ right: Factor<B>, _ bias: UnsafePointer<B>?, _ c: UnsafeMutablePointer<C>, _ cStride: Int,
        m: Int, n: Int, k: Int, alpha: Float, accumulating: Bool
    ) {
        let edge = TilePacking.edge
        let parts = A.self == Float.self && B.self == Float.self ? 3 : 2
        let depth = evenPart(k, atMost: panelDepth)
        let steps = depth / edge
        let stripBytes = steps * TilePacking.stepBytes(parts: parts)
        let columns = evenPart(n, atMost: max(edge, rightBytes / stripBytes * edge))
        // Sums of several panels wait in Float32.
        let waits = C.self != Float.self && depth < k
        let rows = waits ? evenPart(m, atMost: max(leftRows, sumsBytes / (4 * columns) / edge * edge)) : m

        let scratch = ProductScratch.ofThread
        let leftPanel = scratch.memory(.left, bytes: leftRows / edge * stripBytes)
        let rightPanel = scratch.memory(.right, bytes: columns / edge * stripBytes)
        let block = TileBlock<C>(
            c: c, cStride: cStride, waiting: waits ? scratch.floats(.sums, rows * columns) : nil,
            waitingStride: columns,
            edge: scratch.floats(.edge, edge * edge))
        let biasLine = bias == nil ? nil : scratch.floats(.bias, columns)

        ctiles_begin()
        for column in stride(from: 0, to: n, by: columns) {
            let width = min(columns, n - column)
            if let bias, let biasLine {
                convert(bias + column, into: biasLine, count: width)
                (biasLine + width).update(repeating: 0, count: columns - width)
            }
            for row in stride(from: 0, to: m, by: rows) {
                for start in stride(from: 0, to: k, by: depth) {
                    let depths = start..<min(start + depth, k)
                    TilePacking.pack(
                        right, .right, first: column, count: width, depths: depths, parts: parts, factor: 1,
                        into: rightPanel)
                    let begin: TileBlock<C>.Begin =
                        start > 0 ? .sums : accumulating ? .c : biasLine.map { .bias($0) } ?? .zero
                    for top in stride(from: row, to: min(row + rows, m), by: leftRows) {
                        let height = min(leftRows, min(row + rows, m) - top)
                        TilePacking.pack(
                            left, .left, first: top, count: height, depths: depths, parts: parts, factor: alpha,
                            into: leftPanel)
                        block.multiply(
                            leftPanel, rightPanel, steps: (depths.count + edge - 1) / edge, parts: parts,
                            rows: top..<top + height, firstRow: row, columns: column..<column + width, begin: begin,
                            isLast: depths.upperBound == k)
                    }
                }
            }
        }
        ctiles_end()
    }

    /// The size of the equal parts, multiples of a strip, that `count` is cut into.
    private static func evenPart(_ count: Int, atMost limit: Int) -> Int {
        let pieces = (count + limit - 1) / limit
        return ((count + pieces - 1) / pieces + TilePacking.edge - 1) / TilePacking.edge * TilePacking.edge
    }
}

/// A block of C: where its sums begin, wait and end.
private struct TileBlock<C: Storage> {
    let c: UnsafeMutablePointer<C>
    let cStride: Int
    /// Where sums wait between panels, or nil where they wait in C.
    let waiting: UnsafeMutablePointer<Float>?
    let waitingStride: Int
    /// 32 × 32 sums on their way to and from C.
    let edge: UnsafeMutablePointer<Float>

    /// What sums begin with.
    enum Begin {
        case zero
        case bias(UnsafeMutablePointer<Float>)
        /// What stands in C.
        case c
        /// The sums of the panels before.
        case sums
    }

    /// Multiplies a packed left panel, `rows` of C, with a packed right one, `columns` of C.
    @inline(__always)
    func multiply(
        _ left: UnsafeRawPointer, _ right: UnsafeRawPointer, steps: Int, parts: Int, rows: Range<Int>, firstRow: Int,
        columns: Range<Int>, begin: Begin, isLast: Bool
    ) {
        let size = TilePacking.edge
        let stripBytes = steps * TilePacking.stepBytes(parts: parts)
        for column in stride(from: columns.lowerBound, to: columns.upperBound, by: size) {
            let rightStrip = right + (column - columns.lowerBound) / size * stripBytes
            let width = min(size, columns.upperBound - column)
            for row in stride(from: rows.lowerBound, to: rows.upperBound, by: size) {
                let leftStrip = left + (row - rows.lowerBound) / size * stripBytes
                let height = min(size, rows.upperBound - row)
                let target = c + row * cStride + column
                // Whole blocks of Float32 C need no copy.
                let direct = height == size && width == size ? target as? UnsafeMutablePointer<Float> : nil
                let sums = waiting.map {
                    $0 + (row - firstRow) * waitingStride + column - columns.lowerBound
                }
                start(begin, columnInBlock: column - columns.lowerBound, direct, sums, target, height, width)
                TileBlock.accumulate(leftStrip, rightStrip, steps: steps, parts: parts)
                finish(direct, isLast ? nil : sums, target, height, width)
            }
        }
    }

    @inline(__always)
    private func start(
        _ begin: Begin, columnInBlock: Int, _ direct: UnsafeMutablePointer<Float>?,
        _ sums: UnsafeMutablePointer<Float>?, _ target: UnsafeMutablePointer<C>, _ height: Int, _ width: Int
    ) {
        switch begin {
        case .zero:
            edge.update(repeating: 0, count: TilePacking.edge)
            ctiles_load_sums(edge, 0)
        case .bias(let line): ctiles_load_sums(line + columnInBlock, 0)
        case .sums where sums != nil: ctiles_load_sums(sums, 4 * waitingStride)
        case .c, .sums:
            if let direct { return ctiles_load_sums(direct, 4 * cStride) }
            for row in 0..<height {
                convert(UnsafePointer(target + row * cStride), into: edge + row * TilePacking.edge, count: width)
            }
            ctiles_load_sums(edge, 4 * TilePacking.edge)
        }
    }

    @inline(__always)
    private func finish(
        _ direct: UnsafeMutablePointer<Float>?, _ sums: UnsafeMutablePointer<Float>?,
        _ target: UnsafeMutablePointer<C>, _ height: Int, _ width: Int
    ) {
        if let direct { return ctiles_store_sums(direct, 4 * cStride) }
        if let sums { return ctiles_store_sums(sums, 4 * waitingStride) }
        ctiles_store_sums(edge, 4 * TilePacking.edge)
        for row in 0..<height {
            convert(UnsafePointer(edge + row * TilePacking.edge), into: target + row * cStride, count: width)
        }
    }

    /// Adds the products of all steps, the smallest parts first.
    @inline(__always)
    private static func accumulate(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, steps: Int, parts: Int) {
        let part = 2 * TilePacking.tileBytes
        var (a, b) = (left, right)
        if parts == 3 {
            for _ in 0..<steps {
                ctiles_load_left(a)
                ctiles_load_right(b + 2 * part)
                ctiles_multiply()
                ctiles_load_right(b + part)
                ctiles_multiply()
                ctiles_load_right(b)
                ctiles_multiply()
                ctiles_load_left(a + part)
                ctiles_multiply()
                ctiles_load_right(b + part)
                ctiles_multiply()
                ctiles_load_left(a + 2 * part)
                ctiles_load_right(b)
                ctiles_multiply()
                a += 3 * part
                b += 3 * part
            }
        } else {
            for _ in 0..<steps {
                ctiles_load_left(a)
                ctiles_load_right(b + part)
                ctiles_multiply()
                ctiles_load_right(b)
                ctiles_multiply()
                ctiles_load_left(a + part)
                ctiles_multiply()
                a += 2 * part
                b += 2 * part
            }
        }
    }
}
