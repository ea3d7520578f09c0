import COneDNN

/// Products by oneDNN's `dnnl_sgemm`, the row-major one of its two conventions.
///
/// The library knows Float32 alone: other factors are converted, block by block, into panels that stay in cache.
enum LibraryProduct {
    /// Rows of a converted left panel, and the numbers of a converted right one.
    private static let (panelRows, panelNumbers) = (256, 1 << 20)

    static func run<A: Storage, B: Storage, C: Storage>(
        _ left: Factor<A>, _ right: Factor<B>, _ bias: UnsafePointer<B>?, _ c: UnsafeMutablePointer<C>, _ cStride: Int,
        m: Int, n: Int, k: Int, alpha: Float, accumulating: Bool
    ) {
        let isFloat = A.self == Float.self && B.self == Float.self && C.self == Float.self
        let columns = isFloat ? n : min(n, max(32, panelNumbers / k & ~31))
        let rows = isFloat ? m : min(m, panelRows)
        let scratch = ProductScratch.ofThread
        for column in stride(from: 0, to: n, by: columns) {
            let width = min(columns, n - column)
            let (b, bStride) = panel(right, scratch, .right, outer: column, count: width, inner: k, innerIsRows: true)
            for row in stride(from: 0, to: m, by: rows) {
                let height = min(rows, m - row)
                let (a, aStride) = panel(left, scratch, .left, outer: row, count: height, inner: k, innerIsRows: false)
                let target = c + row * cStride + column
                let direct = target as? UnsafeMutablePointer<Float>
                let sums = direct ?? scratch.floats(.sums, rows * columns)
                let stride = direct == nil ? columns : cStride
                multiply(
                    a, left.orientation, aStride, b, right.orientation, bStride, sums, stride, m: height, n: width,
                    k: k,
                    alpha: alpha, accumulating: direct != nil && accumulating)
                for r in 0..<height {
                    let line = target + r * cStride
                    if let bias { add(bias + column, accumulatingInto: sums + r * stride, count: width) }
                    if direct != nil { continue }
                    if accumulating {
                        add(UnsafePointer(sums + r * stride), accumulatingInto: line, count: width)
                    } else {
                        convert(UnsafePointer(sums + r * stride), into: line, count: width)
                    }
                }
            }
        }
    }

    /// `count` rows of A or columns of B in Float32: where they lie, or converted.
    private static func panel<Element: Storage>(
        _ factor: Factor<Element>, _ scratch: ProductScratch, _ use: ProductScratch.Use, outer: Int, count: Int,
        inner: Int, innerIsRows: Bool
    ) -> (UnsafePointer<Float>, Int) {
        // Stored rows run along the sum (A plain, B transposed) or across it.
        let alongSum = (factor.orientation == .plain) != innerIsRows
        let start = factor.base + (alongSum ? outer * factor.stride : outer)
        if let same = start as? UnsafePointer<Float> { return (same, factor.stride) }
        let (rows, columns) = alongSum ? (count, inner) : (inner, count)
        let target = scratch.floats(use, rows * columns)
        for row in 0..<rows { convert(start + row * factor.stride, into: target + row * columns, count: columns) }
        return (UnsafePointer(target), columns)
    }

    private static func multiply(
        _ a: UnsafePointer<Float>, _ aOrientation: Orientation, _ aStride: Int,
        _ b: UnsafePointer<Float>, _ bOrientation: Orientation, _ bStride: Int,
        _ c: UnsafeMutablePointer<Float>, _ cStride: Int, m: Int, n: Int, k: Int, alpha: Float, accumulating: Bool
    ) {
        func letter(_ orientation: Orientation) -> CChar { orientation == .plain ? 0x4E : 0x54 }
        let status = dnnl_sgemm(
            letter(aOrientation), letter(bOrientation), dnnl_dim_t(m), dnnl_dim_t(n), dnnl_dim_t(k), alpha,
            a, dnnl_dim_t(aStride), b, dnnl_dim_t(bStride), accumulating ? 1 : 0, c, dnnl_dim_t(cStride))
        precondition(status == dnnl_success, "dnnl_sgemm refused its shapes: m \(m), n \(n), k \(k)")
    }
}
