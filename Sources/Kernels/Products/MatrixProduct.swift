/// Whether a matrix is read as it lies or transposed.
package enum Orientation: Sendable {
    /// As it lies: row after row.
    case plain
    /// Rows and columns exchanged.
    case transposed
}

/// What computes matrix products.
package enum ProductEngine: String, Sendable {
    /// The processor's matrix unit, on numbers split into bfloat16 parts; `TileProduct` says how exact that is.
    case tiles
    /// oneDNN's `dnnl_sgemm`.
    case library
    /// Dot products of vectors, for few rows: only a plain A with a transposed B, overwriting C. The bits of a row of C depend
    /// on that row of A alone.
    case vectors

    /// The fastest one that this process has.
    package static let best: ProductEngine = TileProduct.isAvailable ? .tiles : .library

    /// Whether the bits of a row of C are the same for any number of rows.
    package var computesRowsAlike: Bool { self != .library }
}

/// A factor of a product: where it lies and how it is read.
struct Factor<Element: Storage> {
    let base: UnsafePointer<Element>
    let orientation: Orientation
    /// Elements from row to row.
    let stride: Int

    /// The left factor from a row of the product on.
    func from(row: Int) -> Factor {
        Factor(base: base + row * (orientation == .plain ? stride : 1), orientation: orientation, stride: stride)
    }

    /// The right factor from a column of the product on.
    func from(column: Int) -> Factor {
        Factor(base: base + column * (orientation == .plain ? 1 : stride), orientation: orientation, stride: stride)
    }
}

/// C = alpha · A·B + bias, or C += alpha · A·B, of row-major matrices of any storage type, summed in Float32.
///
/// - Parameters:
///   - a: [m, k], or [k, m] if transposed; `aStride` elements from row to row.
///   - b: [k, n], or [n, k] if transposed.
///   - c: [m, n], rounded once, when its sums are complete.
///   - bias: [n], added to each row; not together with `accumulating`.
///   - accumulating: Adds to `c` instead of overwriting it.
/// - Complexity: O(m · n · k); allocates nothing after a thread's first calls.
@_specialize(where A == Float, B == Float, C == Float)
@_specialize(where A == Float, B == Float16, C == Float)
@_specialize(where A == Float, B == Float16, C == Float16)
@_specialize(where A == Float16, B == Float16, C == Float)
@_specialize(where A == Float16, B == Float16, C == Float16)
package func matrixProduct<A: Storage, B: Storage, C: Storage>(
    _ a: UnsafePointer<A>, _ aOrientation: Orientation = .plain, stride aStride: Int,
    _ b: UnsafePointer<B>, _ bOrientation: Orientation = .plain, stride bStride: Int,
    bias: UnsafePointer<B>? = nil, into c: UnsafeMutablePointer<C>, stride cStride: Int,
    m: Int, n: Int, k: Int, alpha: Float = 1, accumulating: Bool = false, engine: ProductEngine = .best
) {
    if m == 0 || n == 0 { return }
    if k == 0 {
        // An empty sum is 0.
        if !accumulating {
            for row in 0..<m {
                (c + row * cStride).update(repeating: 0, count: n)
                if let bias { add(bias, accumulatingInto: c + row * cStride, count: n) }
            }
        }
        return
    }
    let left = Factor(base: a, orientation: aOrientation, stride: aStride)
    let right = Factor(base: b, orientation: bOrientation, stride: bStride)
    switch engine {
    case .tiles:
        TileProduct.runInParallel(
            left, right, bias, c, cStride, m: m, n: n, k: k, alpha: alpha, accumulating: accumulating)
    case .library:
        LibraryProduct.run(left, right, bias, c, cStride, m: m, n: n, k: k, alpha: alpha, accumulating: accumulating)
    case .vectors:
        precondition(!accumulating, "vectors overwrite C")
        VectorProduct.run(left, right, bias, c, cStride, m: m, n: n, k: k, alpha: alpha)
    }
}
