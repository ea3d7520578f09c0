import Failures
import Numbers
import Tensors
import Threads

/// Matmuls by vector instructions, for few rows: each element of C is a dot product of a row of A and a row of
/// transposed B.
///
/// Nothing is packed: with few rows, each element of B is used too few times for packing to pay off. The order of
/// summation depends on k only, so the bits of a row do not depend on the other rows.
enum VectorProduct {
    /// The minimum number of multiply-adds per thread.
    private static let grain = 1 << 17
    /// The number of rows of A and of B whose dot products are accumulated together in registers.
    private static let edge = 4

    /// Computes C = alpha · A·Bᵀ + bias.
    @_specialize(where A == Float, B == Float, C == Float)
    @_specialize(where A == Float16, B == Float16, C == Float)
    @_specialize(where A == BFloat16, B == BFloat16, C == Float)
    @_specialize(where A == Float16, B == Float16, C == Float16)
    @_specialize(where A == BFloat16, B == BFloat16, C == BFloat16)
    static func run<A: Storage, B: Storage, C: Storage>(
        _ left: Factor<A>, _ right: Factor<B>, _ bias: UnsafePointer<B>?, _ c: UnsafeMutablePointer<C>, _ cStride: Int,
        m: Int, n: Int, k: Int, alpha: Float
    ) {
        require(
            left.orientation == .plain && right.orientation == .transposed,
            "a product by vectors has plain A and transposed B")
        parallel(n, grain: max(edge, grain / (m * k)), multiple: edge) { columns in
            for column in stride(from: columns.lowerBound, to: columns.upperBound, by: edge) {
                let b = right.base + column * right.stride
                let width = min(edge, columns.upperBound - column)
                var row = 0
                func put(_ sum: SIMD16<Float>, _ r: Int, _ n: Int) {
                    var value = sum.lanesSum * alpha
                    if let bias { value += Float(bias[column + n]) }
                    c[(row + r) * cStride + column + n] = C(value)
                }
                if width == edge {
                    while row + edge <= m {
                        let s = sums(left.base + row * left.stride, left.stride, b, right.stride, k)
                        put(s.0.0, 0, 0)
                        put(s.0.1, 0, 1)
                        put(s.0.2, 0, 2)
                        put(s.0.3, 0, 3)
                        put(s.1.0, 1, 0)
                        put(s.1.1, 1, 1)
                        put(s.1.2, 1, 2)
                        put(s.1.3, 1, 3)
                        put(s.2.0, 2, 0)
                        put(s.2.1, 2, 1)
                        put(s.2.2, 2, 2)
                        put(s.2.3, 2, 3)
                        put(s.3.0, 3, 0)
                        put(s.3.1, 3, 1)
                        put(s.3.2, 3, 2)
                        put(s.3.3, 3, 3)
                        row += edge
                    }
                    while row < m {
                        let s = sums(left.base + row * left.stride, b, right.stride, k)
                        put(s.0, 0, 0)
                        put(s.1, 0, 1)
                        put(s.2, 0, 2)
                        put(s.3, 0, 3)
                        row += 1
                    }
                } else {
                    while row < m {
                        for n in 0..<width { put(sum(left.base + row * left.stride, b + n * right.stride, k), 0, n) }
                        row += 1
                    }
                }
            }
        }
    }

    /// The vector accumulators of four elements of a row of C.
    private typealias Four = (SIMD16<Float>, SIMD16<Float>, SIMD16<Float>, SIMD16<Float>)

    @inline(__always)
    private static func sum<A: Storage, B: Storage>(
        _ a: UnsafePointer<A>, _ b: UnsafePointer<B>, _ k: Int
    ) -> SIMD16<Float> {
        var sum = SIMD16<Float>()
        for (offsets, width) in vectors(k) {
            for i in offsets { sum = sum.addingProduct(load(a + i, width), load(b + i, width)) }
        }
        return sum
    }

    @inline(__always)
    private static func sums<A: Storage, B: Storage>(
        _ a: UnsafePointer<A>, _ b: UnsafePointer<B>, _ bStride: Int, _ k: Int
    ) -> Four {
        var (s0, s1, s2, s3) = (SIMD16<Float>(), SIMD16<Float>(), SIMD16<Float>(), SIMD16<Float>())
        let (b1, b2, b3) = (b + bStride, b + 2 * bStride, b + 3 * bStride)
        for (offsets, width) in vectors(k) {
            for i in offsets {
                let x = load(a + i, width)
                s0 = s0.addingProduct(x, load(b + i, width))
                s1 = s1.addingProduct(x, load(b1 + i, width))
                s2 = s2.addingProduct(x, load(b2 + i, width))
                s3 = s3.addingProduct(x, load(b3 + i, width))
            }
        }
        return (s0, s1, s2, s3)
    }

    @inline(__always)
    private static func sums<A: Storage, B: Storage>(
        _ a: UnsafePointer<A>, _ aStride: Int, _ b: UnsafePointer<B>, _ bStride: Int, _ k: Int
    ) -> (Four, Four, Four, Four) {
        let zero = SIMD16<Float>()
        var (s00, s01, s02, s03) = (zero, zero, zero, zero)
        var (s10, s11, s12, s13) = (zero, zero, zero, zero)
        var (s20, s21, s22, s23) = (zero, zero, zero, zero)
        var (s30, s31, s32, s33) = (zero, zero, zero, zero)
        let (a1, a2, a3) = (a + aStride, a + 2 * aStride, a + 3 * aStride)
        let (b1, b2, b3) = (b + bStride, b + 2 * bStride, b + 3 * bStride)
        for (offsets, width) in vectors(k) {
            for i in offsets {
                let (y0, y1) = (load(b + i, width), load(b1 + i, width))
                let (y2, y3) = (load(b2 + i, width), load(b3 + i, width))
                let x0 = load(a + i, width)
                s00 = s00.addingProduct(x0, y0)
                s01 = s01.addingProduct(x0, y1)
                s02 = s02.addingProduct(x0, y2)
                s03 = s03.addingProduct(x0, y3)
                let x1 = load(a1 + i, width)
                s10 = s10.addingProduct(x1, y0)
                s11 = s11.addingProduct(x1, y1)
                s12 = s12.addingProduct(x1, y2)
                s13 = s13.addingProduct(x1, y3)
                let x2 = load(a2 + i, width)
                s20 = s20.addingProduct(x2, y0)
                s21 = s21.addingProduct(x2, y1)
                s22 = s22.addingProduct(x2, y2)
                s23 = s23.addingProduct(x2, y3)
                let x3 = load(a3 + i, width)
                s30 = s30.addingProduct(x3, y0)
                s31 = s31.addingProduct(x3, y1)
                s32 = s32.addingProduct(x3, y2)
                s33 = s33.addingProduct(x3, y3)
            }
        }
        return (
            (s00, s01, s02, s03), (s10, s11, s12, s13), (s20, s21, s22, s23), (s30, s31, s32, s33)
        )
    }
}
