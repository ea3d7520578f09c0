import COneDNN
import Failures

/// Matmuls by oneDNN's `dnnl_sgemm`, which takes row-major matrices.
///
/// `dnnl_sgemm` supports Float32 only: operands of other types are converted block by block into panels that stay in
/// cache. The blocks do not depend on the number of threads and each is computed by one thread, so the number of
/// threads does not change the bits of the result.
enum LibraryProduct {
    /// The number of rows of a block of C, and the maximum number of elements of its B panel.
    private static let (blockRows, panelNumbers) = (512, 1 << 20)

    static func run<A: Storage, B: Storage, C: Storage>(
        _ left: Factor<A>, _ right: Factor<B>, _ bias: UnsafePointer<B>?, _ c: UnsafeMutablePointer<C>, _ cStride: Int,
        m: Int, n: Int, k: Int, alpha: Float, accumulating: Bool
    ) {
        let columns = max(32, panelNumbers / k & ~31)
        let (across, down) = ((n + columns - 1) / columns, (m + blockRows - 1) / blockRows)
        parallel(across * down) { part in
            let (row, column) = (part % down * blockRows, part / down * columns)
            let (height, width) = (min(blockRows, m - row), min(columns, n - column))
            let scratch = ThreadScratch.ofThread
            let (a, aStride) = panel(
                left.from(row: row), scratch, .left, count: height, depth: k, rowsAlongSum: left.orientation == .plain)
            let (b, bStride) = panel(
                right.from(column: column), scratch, .right, count: width, depth: k,
                rowsAlongSum: right.orientation == .transposed)
            let target = c + row * cStride + column
            let direct = target as? UnsafeMutablePointer<Float>
            let sums = direct ?? scratch.floats(.sums, height * width)
            let stride = direct == nil ? width : cStride
            multiply(
                a, left.orientation, aStride, b, right.orientation, bStride, sums, stride, m: height, n: width, k: k,
                alpha: alpha, accumulating: direct != nil && accumulating)
            for r in 0..<height {
                let line = sums + r * stride
                if let bias { add(bias + column, accumulatingInto: line, count: width) }
                if direct != nil { continue }
                if accumulating {
                    add(UnsafePointer(line), accumulatingInto: target + r * cStride, count: width)
                } else {
                    convert(UnsafePointer(line), into: target + r * cStride, count: width)
                }
            }
        }
    }

    /// Returns `count` rows of A or columns of B in Float32, in place if possible, otherwise converted, and their
    /// stride.
    private static func panel<Element: Storage>(
        _ factor: Factor<Element>, _ scratch: ThreadScratch, _ use: ThreadScratch.Use, count: Int, depth: Int,
        rowsAlongSum: Bool
    ) -> (UnsafePointer<Float>, Int) {
        if let same = factor.base as? UnsafePointer<Float> { return (same, factor.stride) }
        let (rows, columns) = rowsAlongSum ? (count, depth) : (depth, count)
        let target = scratch.floats(use, rows * columns)
        for row in 0..<rows { convert(factor.base + row * factor.stride, into: target + row * columns, count: columns) }
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
        require(
            status == dnnl_success,
            "dnnl_sgemm returned status \(status.rawValue) for m \(m), n \(n), k \(k), strides \(aStride), \(bStride), "
                + "\(cStride)")
    }
}
