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
    /// Whether the program is built for the matrix unit, may use it, and the processor and the system have it.
    static let isAvailable = ctiles_built_for() == 1 && KernelLimit.current != .avx512 && ctiles_enable() == 1

    /// The most summed elements of a panel, and the bytes of a right panel, which stays in the second-level cache.
    private static let (panelDepth, rightBytes) = (512, 1 << 20)
    /// The most bytes of a left panel that several right ones are multiplied with, and its rows where there is one.
    private static let (leftBytes, leftRows) = (8 << 20, 128)
    /// The most bytes of sums that wait for their next panel, where C itself cannot hold them.
    private static let sumsBytes = 4 << 20

    /// The multiply-adds that are worth another thread.
    private static let grain = 1 << 20

    /// The product, cut over the compute threads along its longer side.
    static func runInParallel<A: Storage, B: Storage, C: Storage>(
        _ left: Factor<A>, _ right: Factor<B>, _ bias: UnsafePointer<B>?, _ c: UnsafeMutablePointer<C>, _ cStride: Int,
        m: Int, n: Int, k: Int, alpha: Float, accumulating: Bool
    ) {
        let pieces = min(ThreadPool.shared.count, max(1, m * n * k / grain))
        let size = evenPart(max(m, n), in: pieces)
        if size >= max(m, n) {
            return run(left, right, bias, c, cStride, m: m, n: n, k: k, alpha: alpha, accumulating: accumulating)
        }
        parallel((max(m, n) + size - 1) / size) { part in
            let start = part * size
            if m >= n {
                run(
                    left.from(row: start), right, bias, c + start * cStride, cStride, m: min(size, m - start), n: n,
                    k: k, alpha: alpha, accumulating: accumulating)
            } else {
                run(
                    left, right.from(column: start), bias.map { $0 + start }, c + start, cStride, m: m,
                    n: min(size, n - start), k: k, alpha: alpha, accumulating: accumulating)
            }
        }
    }

    private static func run<A: Storage, B: Storage, C: Storage>(
        _ left: Factor<A>, _ right: Factor<B>, _ bias: UnsafePointer<B>?, _ c: UnsafeMutablePointer<C>, _ cStride: Int,
        m: Int, n: Int, k: Int, alpha: Float, accumulating: Bool
    ) {
        let edge = TilePacking.edge
        let parts = A.self == Float.self && B.self == Float.self ? 3 : 2
        let depth = evenPart(k, atMost: panelDepth)
        let stripBytes = depth / edge * TilePacking.stepBytes(parts: parts)
        let columns = evenPart(n, atMost: max(edge, rightBytes / stripBytes * edge))
        // Sums of several panels wait in Float32.
        let waits = C.self != Float.self && depth < k
        // One right panel serves any number of rows; several share a left panel, which then is packed once.
        let isNarrow = columns >= n
        var rowLimit = isNarrow ? m : leftBytes / stripBytes * edge
        if waits { rowLimit = min(rowLimit, max(edge, sumsBytes / (4 * n) / edge * edge)) }
        let rows = evenPart(m, atMost: rowLimit)
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

    /// The size of the equal parts, multiples of a strip, that `count` is cut into.
    private static func evenPart(_ count: Int, atMost limit: Int) -> Int {
        evenPart(count, in: (count + limit - 1) / limit)
    }

    private static func evenPart(_ count: Int, in pieces: Int) -> Int {
        ((count + pieces - 1) / pieces + TilePacking.edge - 1) / TilePacking.edge * TilePacking.edge
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
        for row in stride(from: rows.lowerBound, to: rows.upperBound, by: size) {
            let leftStrip = left + (row - rows.lowerBound) / size * stripBytes
            let height = min(size, rows.upperBound - row)
            for column in stride(from: columns.lowerBound, to: columns.upperBound, by: size) {
                let rightStrip = right + (column - columns.lowerBound) / size * stripBytes
                let width = min(size, columns.upperBound - column)
                let target = c + row * cStride + column
                // Whole blocks of Float32 C need no copy.
                let direct = height == size && width == size ? target as? UnsafeMutablePointer<Float> : nil
                let sums = waiting.map { $0 + (row - firstRow) * waitingStride + column }
                if let direct {
                    // Each row lies on a page of its own: what is asked for now is there when the sums are ready.
                    for line in 0..<size {
                        ctiles_prefetch_to_write(direct + line * cStride)
                        ctiles_prefetch_to_write(direct + line * cStride + lanes)
                    }
                }
                start(begin, column, direct, sums, target, height, width)
                TileBlock.accumulate(leftStrip, rightStrip, steps: steps, parts: parts)
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
