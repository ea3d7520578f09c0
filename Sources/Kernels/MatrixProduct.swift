import COneDNN

/// Whether a matrix is read as it lies or transposed.
package enum Orientation: CChar, Sendable {
    /// As it lies: row after row.
    case plain = 0x4E
    /// Rows and columns exchanged.
    case transposed = 0x54
}

/// C = A·B, or C += A·B, of row-major Float32 matrices.
///
/// - Parameters:
///   - a: [m, k], or [k, m] if transposed; `aStride` elements from row to row.
///   - b: [k, n], or [n, k] if transposed.
///   - c: [m, n].
///   - accumulating: Adds to `c` instead of overwriting it.
///   - alpha: Multiplies the product.
/// - Complexity: O(m · n · k); allocates nothing of ours.
/// - Source: oneDNN's `dnnl_sgemm`, the row-major one of its two conventions.
package func matrixProduct(
    _ a: UnsafePointer<Float>, _ aOrientation: Orientation = .plain, stride aStride: Int,
    _ b: UnsafePointer<Float>, _ bOrientation: Orientation = .plain, stride bStride: Int,
    into c: UnsafeMutablePointer<Float>, stride cStride: Int,
    m: Int, n: Int, k: Int, alpha: Float = 1, accumulating: Bool = false
) {
    if m == 0 || n == 0 { return }
    if k == 0 {
        // The library leaves C as it is, yet an empty sum is 0.
        if !accumulating { for row in 0..<m { (c + row * cStride).update(repeating: 0, count: n) } }
        return
    }
    let status = dnnl_sgemm(
        aOrientation.rawValue, bOrientation.rawValue, dnnl_dim_t(m), dnnl_dim_t(n), dnnl_dim_t(k), alpha,
        a, dnnl_dim_t(aStride), b, dnnl_dim_t(bStride), accumulating ? 1 : 0, c, dnnl_dim_t(cStride))
    precondition(status == dnnl_success, "dnnl_sgemm refused its shapes: m \(m), n \(n), k \(k)")
}
