import Failures
import Numbers
import Tensors

/// Whether a matrix operand is transposed.
package enum Orientation: Sendable {
    /// As stored, in row-major order.
    case plain
    /// Transposed.
    case transposed
}

/// The implementation of matmuls. In each, the bits of a row of C are the same for any number of rows (batch
/// invariance).
package enum ProductEngine: String, Sendable {
    /// The CPU's matrix unit (AMX), with operands split into bfloat16 terms; for the accuracy see `TileProduct`.
    case tiles
    /// Register kernels over packed panels.
    case panels
    /// Vector dot products, for few rows: only for plain A and transposed B, and without accumulation. The bits of a
    /// row of C depend only on that row of A and on B.
    case vectors

    /// The implementation of this process's arithmetic.
    package static var best: ProductEngine { ProductArithmetic.current == .tiles ? .tiles : .panels }
}

/// An operand of a matmul: its storage and orientation.
package struct Factor<Element: Storage> {
    package let base: UnsafePointer<Element>
    package let orientation: Orientation
    /// The number of elements from one stored row to the next.
    package let stride: Int

    /// The operand at `base`, whose stored rows are `stride` elements apart.
    @inlinable @inline(__always)
    package init(base: UnsafePointer<Element>, orientation: Orientation, stride: Int) {
        (self.base, self.orientation, self.stride) = (base, orientation, stride)
    }

    /// Returns operand A without the rows before `row` of C.
    func from(row: Int) -> Factor {
        Factor(base: base + row * (orientation == .plain ? stride : 1), orientation: orientation, stride: stride)
    }

    /// Returns operand B without the columns before `column` of C.
    func from(column: Int) -> Factor {
        Factor(base: base + column * (orientation == .plain ? 1 : stride), orientation: orientation, stride: stride)
    }
}

/// Computes C = alpha · A·B + bias, or C += alpha · A·B, for row-major matrices of any storage type, accumulating in
/// Float32.
///
/// - Parameters:
///   - a: [m, k], or [k, m] if transposed; `aStride` elements from row to row.
///   - b: [k, n], or [n, k] if transposed.
///   - c: [m, n], rounded once, when the sums are complete.
///   - bias: [n], added to each row; not together with `accumulating`.
///   - accumulating: Whether to add to `c` instead of overwriting it.
///   - engine: The implementation. If an operand is bfloat16, all except `vectors` may round the other one to bfloat16.
/// - Complexity: O(m · n · k); allocates nothing after the first calls on a thread.
@_specialize(where A == Float, B == Float, C == Float)
@_specialize(where A == Float, B == Float16, C == Float)
@_specialize(where A == Float, B == BFloat16, C == Float)
@_specialize(where A == Float, B == Float16, C == Float16)
@_specialize(where A == Float, B == BFloat16, C == BFloat16)
@_specialize(where A == Float16, B == Float16, C == Float)
@_specialize(where A == BFloat16, B == BFloat16, C == Float)
@_specialize(where A == Float16, B == Float16, C == Float16)
@_specialize(where A == BFloat16, B == BFloat16, C == BFloat16)
package func matrixProduct<A: Storage, B: Storage, C: Storage>(
    _ a: UnsafePointer<A>, _ aOrientation: Orientation = .plain, stride aStride: Int,
    _ b: UnsafePointer<B>, _ bOrientation: Orientation = .plain, stride bStride: Int,
    bias: UnsafePointer<B>? = nil, into c: UnsafeMutablePointer<C>, stride cStride: Int,
    m: Int, n: Int, k: Int, alpha: Float = 1, accumulating: Bool = false, engine: ProductEngine = .best
) {
    if m == 0 || n == 0 { return }
    require(
        aStride >= (aOrientation == .plain ? k : m) && bStride >= (bOrientation == .plain ? n : k) && cStride >= n,
        "matmul: m \(m), n \(n), k \(k), strides \(aStride), \(bStride), \(cStride)")
    if k == 0 {
        // The sum over an empty dimension is 0.
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
    let isBFloat16 = A.self == BFloat16.self || B.self == BFloat16.self
    switch engine {
    case .tiles:
        TileProduct.runInParallel(
            left, right, bias, c, cStride, m: m, n: n, k: k, alpha: alpha, accumulating: accumulating,
            asBFloat16: isBFloat16)
    case .panels:
        PanelProduct.runInParallel(
            left, right, bias, c, cStride, m: m, n: n, k: k, alpha: alpha, accumulating: accumulating,
            asBFloat16: isBFloat16)
    case .vectors:
        require(!accumulating, "a product by vectors overwrites C")
        VectorProduct.run(left, right, bias, c, cStride, m: m, n: n, k: k, alpha: alpha)
    }
}
