import Kernels
import TestSupport
import Testing

@Suite struct MatrixProductTests {
    struct Shape: Sendable { let m: Int, n: Int, k: Int }

    static let shapes =
        oddSizes.map { Shape(m: $0, n: 5, k: 7) } + oddSizes.map { Shape(m: 7, n: $0, k: 5) }
        + oddSizes.map { Shape(m: 5, n: 7, k: $0) } + [Shape(m: 33, n: 65, k: 129)]

    /// Every orientation, with rows farther apart than they are long, overwriting NaN or adding.
    @Test(arguments: shapes)
    func equalsTheReference(shape: Shape) {
        let (m, n, k) = (shape.m, shape.n, shape.k)
        let (a, b, before) = (normals(m * k, seed: 1), normals(k * n, seed: 2), normals(m * n, seed: 3))
        let product = Reference.matrixProduct(a, b, m: m, n: n, k: k)
        // The classical bound: k + 1 roundings of terms whose magnitudes add up to |A|·|B|.
        let magnitudes = Reference.matrixProduct(a.map(abs), b.map(abs), m: m, n: n, k: k)
        let tolerance = Double(k + 2) * Float.unitRoundoff * (magnitudes.max()! + 4)
        for aOrientation in [Orientation.plain, .transposed] {
            for bOrientation in [Orientation.plain, .transposed] {
                for accumulating in [false, true] {
                    let actual = withTestMemory { memory in
                        let (aRows, aColumns) = aOrientation == .plain ? (m, k) : (k, m)
                        let (bRows, bColumns) = bOrientation == .plain ? (k, n) : (n, k)
                        let left = aOrientation == .plain ? a : Reference.transposed(a, rows: m, columns: k)
                        let right = bOrientation == .plain ? b : Reference.transposed(b, rows: k, columns: n)
                        let c = spaced(memory, accumulating ? before : before.map { _ in .nan }, rows: m, columns: n)
                        matrixProduct(
                            spaced(memory, left, rows: aRows, columns: aColumns), aOrientation, stride: aColumns + 3,
                            spaced(memory, right, rows: bRows, columns: bColumns), bOrientation, stride: bColumns + 3,
                            into: c, stride: n + 3, m: m, n: n, k: k, alpha: 0.5, accumulating: accumulating)
                        return (0..<m).flatMap { array(c + $0 * (n + 3), n) }
                    }
                    let half = Reference.scaled(product, by: 0.5)
                    expectClose(
                        actual, accumulating ? Reference.sum(before, half) : half, absolute: tolerance,
                        "matrixProduct \(aOrientation) \(bOrientation) accumulating \(accumulating)")
                }
            }
        }
    }

    /// Rows of `columns` numbers, three apart from each other.
    private func spaced(
        _ memory: TestMemory, _ values: [Double], rows: Int, columns: Int
    ) -> UnsafeMutablePointer<Float> {
        let padded = (0..<rows).flatMap { values[$0 * columns..<($0 + 1) * columns] + [7, 7, 7] }
        return memory.numbers(padded, Float.self)
    }

    @Test func emptyMatrices() {
        withTestMemory { memory in
            let (a, c) = (memory.numbers([1, 2, 3, 4], Float.self), memory.numbers([5, 6, 7, 8], Float.self))
            matrixProduct(a, stride: 2, a, stride: 2, into: c, stride: 2, m: 0, n: 2, k: 2)
            matrixProduct(a, stride: 2, a, stride: 2, into: c, stride: 2, m: 2, n: 0, k: 2)
            matrixProduct(a, stride: 2, a, stride: 2, into: c, stride: 2, m: 2, n: 2, k: 0, accumulating: true)
            #expect(array(c, 4) == [5, 6, 7, 8])
            matrixProduct(a, stride: 2, a, stride: 2, into: c, stride: 2, m: 2, n: 2, k: 0)
            #expect(array(c, 4) == [0, 0, 0, 0])
        }
    }
}
