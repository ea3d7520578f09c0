import CTiles
import Numbers
import Threads

/// Matmuls on the CPU's matrix unit (AMX), which multiplies bfloat16 and accumulates in Float32, sixteen times as fast
/// as vector instructions.
///
/// Float32 elements are split exactly into three bfloat16 terms, and the six largest of the nine products of terms are
/// accumulated. The omitted products are below 2⁻²³ · |a|·|b|, typically below half a unit in the last place of the
/// product; measured, the result is as accurate as a Float32 matmul. If an operand is stored in Float16, two terms per
/// operand and three products suffice: the omitted products are below 2⁻¹⁶ · |a|·|b|, while the rounding error of
/// Float16 storage is 2⁻¹¹. If an operand is stored in bfloat16, both are multiplied as bfloat16.
///
/// The order of summation depends on k only, so splitting m and n does not change any bit.
///
/// - Source: Henry, Tang & Heinecke 2019, arXiv:1904.06376, for Float32 from bfloat16 terms; Goto & van de Geijn 2008,
///   doi:10.1145/1356052.1356053, for blocking.
enum TileProduct {
    /// Whether AMX can be used: `DTRAIN_KERNELS` permits it, and CPU and system support it.
    static let isAvailable = [nil, .amx].contains(KernelLimit.current) && ctiles_enable() == 1

    /// The maximum extent of a panel in K, and the maximum size in bytes of a B panel, which stays in the L2 cache.
    private static let (panelDepth, rightBytes) = (512, 1 << 20)
    /// The maximum size in bytes of an A panel that is used with several B panels, and the rows of an A panel used with
    /// one.
    private static let (leftBytes, leftRows) = (8 << 20, 128)
    /// The maximum size in bytes of partial sums kept in Float32 between panels if C itself has another type.
    private static let sumsBytes = 4 << 20

    /// The minimum number of multiply-adds per thread.
    private static let grain = 1 << 20

    /// Computes the matmul in parallel, split along the longer side of C.
    static func runInParallel<A: Storage, B: Storage, C: Storage>(
        _ left: Factor<A>, _ right: Factor<B>, _ bias: UnsafePointer<B>?, _ c: UnsafeMutablePointer<C>, _ cStride: Int,
        m: Int, n: Int, k: Int, alpha: Float, accumulating: Bool, asBFloat16: Bool
    ) {
        let edge = TilePacking.edge
        parallelBlocks(rows: m, multiple: edge, columns: n, multiple: edge, parts: m * n * k / grain) { rows, columns in
            run(
                left.from(row: rows.lowerBound), right.from(column: columns.lowerBound),
                bias.map { $0 + columns.lowerBound }, c + rows.lowerBound * cStride + columns.lowerBound, cStride,
                m: rows.count, n: columns.count, k: k, alpha: alpha, accumulating: accumulating,
                asBFloat16: asBFloat16)
        }
    }

    private static func run<A: Storage, B: Storage, C: Storage>(
        _ left: Factor<A>, _ right: Factor<B>, _ bias: UnsafePointer<B>?, _ c: UnsafeMutablePointer<C>, _ cStride: Int,
        m: Int, n: Int, k: Int, alpha: Float, accumulating: Bool, asBFloat16: Bool
    ) {
        let edge = TilePacking.edge
        let parts = asBFloat16 ? 1 : A.self == Float.self && B.self == Float.self ? 3 : 2
        let depth = evenPart(k, atMost: panelDepth, multiple: edge)
        let stripBytes = depth / edge * TilePacking.stepBytes(parts: parts)
        let columns = evenPart(n, atMost: max(edge, rightBytes / stripBytes * edge), multiple: edge)
        // If K spans several panels and C is not Float32, partial sums are kept in Float32.
        let waits = C.self != Float.self && depth < k
        // If one B panel covers n, it is used for all rows; otherwise several B panels use the same A panel, which is
        // packed once.
        let isNarrow = columns >= n
        var rowLimit = isNarrow ? m : leftBytes / stripBytes * edge
        if waits { rowLimit = min(rowLimit, max(edge, sumsBytes / (4 * n) / edge * edge)) }
        let rows = evenPart(m, atMost: rowLimit, multiple: edge)
        let panelRows = isNarrow ? min(rows, leftRows) : rows

        let scratch = ThreadScratch.ofThread
        let leftPanel = scratch.memory(.left, bytes: panelRows / edge * stripBytes)
        let rightPanel = scratch.memory(.right, bytes: columns / edge * stripBytes)
        let waitingStride = (n + edge - 1) / edge * edge
        let block = TileBlock<C>(
            c: c, cStride: cStride, waiting: waits ? scratch.floats(.sums, rows * waitingStride) : nil,
            waitingStride: waitingStride, edge: scratch.floats(.edge, edge * edge))
        let biasLine = bias.map { bias in
            let line = scratch.floats(.bias, waitingStride)
            convert(bias, into: line, count: n)
            (line + n).update(repeating: 0, count: waitingStride - n)
            return line
        }

        ctiles_begin()
        for row in stride(from: 0, to: m, by: rows) {
            let lastRow = min(row + rows, m)
            for start in stride(from: 0, to: k, by: depth) {
                let depths = start..<min(start + depth, k)
                let begin: TileBlock<C>.Begin =
                    start > 0 ? .sums : accumulating ? .c : biasLine.map { .bias($0) } ?? .zero
                if isNarrow {
                    TilePacking.pack(right, .right, 0..<n, depths, parts: parts, factor: 1, into: rightPanel)
                }
                for top in stride(from: row, to: lastRow, by: panelRows) {
                    let panel = top..<min(top + panelRows, lastRow)
                    TilePacking.pack(left, .left, panel, depths, parts: parts, factor: alpha, into: leftPanel)
                    for column in stride(from: 0, to: n, by: columns) {
                        let range = column..<min(column + columns, n)
                        if !isNarrow {
                            TilePacking.pack(right, .right, range, depths, parts: parts, factor: 1, into: rightPanel)
                        }
                        block.multiply(
                            leftPanel, rightPanel, steps: (depths.count + edge - 1) / edge, parts: parts, rows: panel,
                            firstRow: row, columns: range, begin: begin, isLast: depths.upperBound == k)
                    }
                }
            }
        }
        ctiles_end()
    }
}

/// A block of C: the source and the destination of its partial sums.
private struct TileBlock<C: Storage> {
    let c: UnsafeMutablePointer<C>
    let cStride: Int
    /// The partial sums between panels, or nil if C holds them.
    let waiting: UnsafeMutablePointer<Float>?
    let waitingStride: Int
    /// A buffer of 32 × 32 sums for blocks that cannot be loaded from or stored to C directly.
    let edge: UnsafeMutablePointer<Float>

    /// The initial value of the sums.
    enum Begin {
        case zero
        case bias(UnsafeMutablePointer<Float>)
        /// The contents of C.
        case c
        /// The partial sums of the preceding panels.
        case sums
    }

    /// Multiplies a packed A panel for the rows `rows` of C by a packed B panel for the columns `columns` of C.
    @inline(__always)
    func multiply(
        _ left: UnsafeRawPointer, _ right: UnsafeRawPointer, steps: Int, parts: Int, rows: Range<Int>, firstRow: Int,
        columns: Range<Int>, begin: Begin, isLast: Bool
    ) {
        let size = TilePacking.edge
        let stripBytes = steps * TilePacking.stepBytes(parts: parts)
        for row in stride(from: rows.lowerBound, to: rows.upperBound, by: size) {
            let leftStrip = left + (row - rows.lowerBound) / size * stripBytes
            let height = min(size, rows.upperBound - row)
            for column in stride(from: columns.lowerBound, to: columns.upperBound, by: size) {
                let rightStrip = right + (column - columns.lowerBound) / size * stripBytes
                let width = min(size, columns.upperBound - column)
                let target = c + row * cStride + column
                // Complete blocks of a Float32 C are loaded and stored directly.
                let direct = height == size && width == size ? target as? UnsafeMutablePointer<Float> : nil
                let sums = waiting.map { $0 + (row - firstRow) * waitingStride + column }
                if let direct {
                    // Each row is on its own page; prefetching it now makes it available when the sums are ready.
                    for line in 0..<size {
                        ctiles_prefetch_to_write(direct + line * cStride)
                        ctiles_prefetch_to_write(direct + line * cStride + lanes)
                    }
                }
                start(begin, column, direct, sums, target, height, width)
                ctiles_accumulate(leftStrip, rightStrip, steps, Int32(parts))
                finish(direct, isLast ? nil : sums, target, height, width)
            }
        }
    }

    @inline(__always)
    private func start(
        _ begin: Begin, _ column: Int, _ direct: UnsafeMutablePointer<Float>?, _ sums: UnsafeMutablePointer<Float>?,
        _ target: UnsafeMutablePointer<C>, _ height: Int, _ width: Int
    ) {
        switch begin {
        case .zero:
            edge.update(repeating: 0, count: TilePacking.edge)
            ctiles_load_sums(edge, 0)
        case .bias(let line): ctiles_load_sums(line + column, 0)
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
}
