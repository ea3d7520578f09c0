import Numbers
import Products
import Tensors
import TestSupport
import Testing

@Suite struct VectorProductTests {
    struct Shape: Sendable { let m: Int, n: Int, k: Int }

    static let shapes =
        (1...9).map { Shape(m: $0, n: 7, k: 33) } + [1, 3, 4, 5, 8].map { Shape(m: 5, n: $0, k: 17) }
        + [1, 15, 16, 31, 64, 100].map { Shape(m: 6, n: 9, k: $0) } + [Shape(m: 40, n: 130, k: 300)]

    @Test(arguments: shapes)
    func equalsTheReference(shape: Shape) {
        check(shape, Float.self, Float.self)
        check(shape, Float16.self, Float.self)
        check(shape, BFloat16.self, Float.self)
        check(shape, Float16.self, Float16.self)
        check(shape, BFloat16.self, BFloat16.self)
    }

    /// Checks a matmul with padding between rows, a factor and a bias.
    private func check<Element: Storage, Output: Storage>(_ shape: Shape, _: Element.Type, _: Output.Type) {
        let (m, n, k) = (shape.m, shape.n, shape.k)
        let (aStride, bStride, cStride) = (k + 3, k + 1, n + 2)
        withTestMemory { memory in
            let a = memory.numbers(normals(m * aStride, seed: 1), Element.self)
            let b = memory.numbers(normals(n * bStride, seed: 2), Element.self)
            let bias = memory.numbers(normals(n, seed: 3), Element.self)
            let c = memory.output(m * cStride, Output.self)
            let before = array(c, m * cStride).map { Double($0) }
            matrixProduct(
                a, stride: aStride, b, .transposed, stride: bStride, bias: bias, into: c, stride: cStride, m: m, n: n,
                k: k, alpha: 0.5, engine: .vectors)
            for row in 0..<m {
                for column in 0..<cStride {
                    let place = row * cStride + column
                    if column >= n {
                        // The padding between rows is not written.
                        expectClose(Double(c[place]), before[place])
                        continue
                    }
                    let products = (0..<k).map { Double(a[row * aStride + $0]) * Double(b[column * bStride + $0]) }
                    let sum = 0.5 * products.reduce(0, +) + Double(bias[column])
                    // Each of sixteen partial sums is rounded k / 16 times, then they are added and the result is
                    // rounded.
                    let size = products.reduce(0) { $0 + abs($1) } + abs(Double(bias[column]))
                    expectClose(
                        Double(c[place]), sum, absolute: Double(k / 16 + 8) * 0x1p-24 * size,
                        relative: Output.unitRoundoff, "row \(row), column \(column) of \(shape)")
                }
            }
        }
    }

    /// The bits of a row are the same when it is computed alone and with any other rows and columns.
    @Test func resultIsBatchInvariant() {
        let (m, n, k) = (11, 23, 90)
        withTestMemory { memory in
            let a = memory.numbers(normals(m * k, seed: 1), Float.self)
            let b = memory.numbers(normals(n * k, seed: 2), Float.self)
            let (whole, pieces) = (memory.output(m * n, Float.self), memory.output(m * n, Float.self))
            func multiply(_ rows: Range<Int>, _ columns: Range<Int>, _ c: UnsafeMutablePointer<Float>) {
                matrixProduct(
                    a + rows.lowerBound * k, stride: k, b + columns.lowerBound * k, .transposed, stride: k,
                    into: c + rows.lowerBound * n + columns.lowerBound, stride: n, m: rows.count, n: columns.count,
                    k: k, engine: .vectors)
            }
            multiply(0..<m, 0..<n, whole)
            for rows in [0..<1, 1..<4, 4..<11] {
                for columns in [0..<5, 5..<6, 6..<23] { multiply(rows, columns, pieces) }
            }
            #expect(array(whole, m * n) == array(pieces, m * n))
        }
    }
}
