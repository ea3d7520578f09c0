import Numbers
import Products
import Tensors
import TestSupport
import Testing

/// The matmul implementations that this machine supports.
let engines: [ProductEngine] = (ProductEngine.best == .tiles ? [.tiles] : []) + [.panels]

@Suite struct MatrixProductTests {
    struct Shape: Sendable { let m: Int, n: Int, k: Int }

    static let shapes =
        oddSizes.map { Shape(m: $0, n: 5, k: 7) } + oddSizes.map { Shape(m: 7, n: $0, k: 5) }
        + oddSizes.map { Shape(m: 5, n: 7, k: $0) }
        + [Shape(m: 33, n: 65, k: 129), Shape(m: 64, n: 96, k: 64), Shape(m: 150, n: 40, k: 1100)]

    @Test(arguments: shapes, engines)
    func equalsTheReference(shape: Shape, engine: ProductEngine) {
        let check = ProductCheck(shape, engine)
        check.run(Float.self, Float.self, Float.self)
        check.run(Float.self, Float16.self, Float.self)
        check.run(Float.self, BFloat16.self, Float.self)
        check.run(Float.self, Float16.self, Float16.self)
        check.run(Float.self, BFloat16.self, BFloat16.self)
        check.run(Float16.self, Float16.self, Float.self)
        check.run(BFloat16.self, BFloat16.self, Float.self)
        check.run(Float16.self, Float16.self, Float16.self)
        check.run(BFloat16.self, BFloat16.self, BFloat16.self)
    }

    /// A matmul with several panels in every dimension equals the matmuls of slices bit for bit.
    @Test(arguments: engines)
    func splittingRowsAndColumnsChangesNoBit(engine: ProductEngine) {
        cut(Float.self, engine)
        cut(Float16.self, engine)
        cut(BFloat16.self, engine)
    }

    private func cut<Element: Storage>(_: Element.Type, _ engine: ProductEngine) {
        let (m, n, k) = (300, 1500, 700)
        withTestMemory { memory in
            let a = memory.numbers(normals(m * k, seed: 1), Element.self)
            let b = memory.numbers(normals(k * n, seed: 2), Element.self)
            let (whole, pieces) = (memory.output(m * n, Element.self), memory.output(m * n, Element.self))
            matrixProduct(a, stride: k, b, stride: n, into: whole, stride: n, m: m, n: n, k: k, engine: engine)
            for rows in [0..<1, 1..<130, 130..<300] {
                for columns in [0..<45, 45..<777, 777..<1500] {
                    matrixProduct(
                        a + rows.lowerBound * k, stride: k, b + columns.lowerBound, stride: n,
                        into: pieces + rows.lowerBound * n + columns.lowerBound, stride: n, m: rows.count,
                        n: columns.count, k: k, engine: engine)
                }
            }
            #expect(array(whole, m * n) == array(pieces, m * n))
        }
    }

    /// Float32 matmuls by bfloat16 terms are as accurate as register kernels, for elements of many magnitudes.
    @Test(arguments: engines)
    func floatsAreAccurateToTheLastPlaces(engine: ProductEngine) {
        let (m, n, k) = (32, 32, 512)
        let magnitudes = (0..<k).map { Double(1 << ($0 % 20)) }
        let a = zip(normals(m * k, seed: 1), (0..<m).flatMap { _ in magnitudes }).map { Double(Float($0 * $1)) }
        let b = zip(normals(n * k, seed: 2), (0..<n).flatMap { _ in magnitudes }).map { Double(Float($0 / $1)) }
        withTestMemory { memory in
            let (left, right) = (memory.numbers(a, Float.self), memory.numbers(b, Float.self))
            let c = memory.output(m * n, Float.self)
            matrixProduct(
                left, stride: k, right, .transposed, stride: k, into: c, stride: n, m: m, n: n, k: k, engine: engine)
            let exact = Reference.matrixProduct(a, Reference.transposed(b, rows: n, columns: k), m: m, n: n, k: k)
            let sizes = Reference.matrixProduct(
                a.map(abs), Reference.transposed(b.map(abs), rows: n, columns: k), m: m, n: n, k: k)
            for index in 0..<m * n {
                // Far below the worst case k·u, because rounding errors of both signs mostly cancel.
                #expect(abs(Double(c[index]) - exact[index]) < 8 * Float.unitRoundoff * sizes[index])
            }
        }
    }

    /// Infinities and NaN must not be lost by splitting into terms.
    @Test(arguments: engines)
    func nonFiniteElementsReachTheResult(engine: ProductEngine) {
        for bad in [Float.nan, .infinity, -.infinity, Float(bitPattern: 0x7FFF_FFFF), Float(bitPattern: 0xFFFF_FFFF)] {
            withTestMemory { memory in
                let (a, b) = (memory.numbers(normals(64 * 64, seed: 1), Float.self), memory.output(64 * 64, Float.self))
                b.update(repeating: 1, count: 64 * 64)
                a[64 * 40 + 7] = bad
                let c = memory.output(64 * 64, Float.self)
                matrixProduct(a, stride: 64, b, stride: 64, into: c, stride: 64, m: 64, n: 64, k: 64, engine: engine)
                #expect((0..<64).allSatisfy { !c[64 * 40 + $0].isFinite })
                #expect((0..<64).allSatisfy { c[64 * 39 + $0].isFinite })
            }
        }
    }

    @Test func handlesEmptyMatrices() {
        withTestMemory { memory in
            let (a, c) = (memory.numbers([1, 2, 3, 4], Float.self), memory.numbers([5, 6, 7, 8], Float.self))
            matrixProduct(a, stride: 2, a, stride: 2, into: c, stride: 2, m: 0, n: 2, k: 2)
            matrixProduct(a, stride: 2, a, stride: 2, into: c, stride: 2, m: 2, n: 0, k: 2)
            matrixProduct(a, stride: 2, a, stride: 2, into: c, stride: 2, m: 2, n: 2, k: 0, accumulating: true)
            #expect(array(c, 4) == [5, 6, 7, 8])
            matrixProduct(a, stride: 2, a, stride: 2, into: c, stride: 2, m: 2, n: 2, k: 0)
            #expect(array(c, 4) == [0, 0, 0, 0])
            matrixProduct(a, stride: 2, a, stride: 2, bias: a, into: c, stride: 2, m: 2, n: 2, k: 0)
            #expect(array(c, 4) == [1, 2, 1, 2])
        }
    }
}

/// Checks one shape in all orientations, with padding between rows: overwriting NaN, with a bias, and accumulating.
private struct ProductCheck {
    private let shape: MatrixProductTests.Shape
    private let engine: ProductEngine

    init(_ shape: MatrixProductTests.Shape, _ engine: ProductEngine) {
        self.shape = shape
        self.engine = engine
    }

    enum Kind: CaseIterable { case overwriting, biased, accumulating }

    func run<A: Storage, B: Storage, C: Storage>(_: A.Type, _: B.Type, _: C.Type) {
        let (m, n, k) = (shape.m, shape.n, shape.k)
        func normals<Element: Storage>(_ count: Int, seed: UInt64, _: Element.Type) -> [Double] {
            unroundedNormals(count, seed: seed).map { Double(Element($0)) }
        }
        let (a, b) = (normals(m * k, seed: 1, A.self), normals(k * n, seed: 2, B.self))
        let (before, bias) = (normals(m * n, seed: 3, C.self), normals(n, seed: 4, B.self))
        let product = Reference.scaled(Reference.matrixProduct(a, b, m: m, n: n, k: k), by: 0.5)
        // The standard bound: k + 1 roundings of terms whose magnitudes sum to |A|·|B|.
        let magnitude = Reference.matrixProduct(a.map(abs), b.map(abs), m: m, n: n, k: k).max()! + 4
        let tolerance = (Double(k + 2) * Float.unitRoundoff + A.productError(with: B.self)) * magnitude
        for aOrientation in [Orientation.plain, .transposed] {
            for bOrientation in [Orientation.plain, .transposed] {
                for kind in Kind.allCases {
                    let actual = withTestMemory { memory in
                        let (aRows, aColumns) = aOrientation == .plain ? (m, k) : (k, m)
                        let (bRows, bColumns) = bOrientation == .plain ? (k, n) : (n, k)
                        let left = aOrientation == .plain ? a : Reference.transposed(a, rows: m, columns: k)
                        let right = bOrientation == .plain ? b : Reference.transposed(b, rows: k, columns: n)
                        let initial = kind == .accumulating ? before : before.map { _ in Double.nan }
                        let c = spaced(memory, initial, rows: m, columns: n, C.self)
                        matrixProduct(
                            spaced(memory, left, rows: aRows, columns: aColumns, A.self), aOrientation,
                            stride: aColumns + 3,
                            spaced(memory, right, rows: bRows, columns: bColumns, B.self), bOrientation,
                            stride: bColumns + 3,
                            bias: kind == .biased ? UnsafePointer(memory.numbers(bias, B.self)) : nil, into: c,
                            stride: n + 3, m: m, n: n, k: k, alpha: 0.5, accumulating: kind == .accumulating,
                            engine: engine)
                        for row in 0..<m { #expect(array(c + row * (n + 3) + n, 3) == [7, 7, 7]) }
                        return (0..<m).flatMap { array(c + $0 * (n + 3), n) }
                    }
                    let expected =
                        switch kind {
                        case .overwriting: product
                        case .biased: Reference.addingBias(product, bias)
                        case .accumulating: Reference.sum(before, product)
                        }
                    expectClose(
                        actual, expected, absolute: tolerance, relative: C.unitRoundoff,
                        "\(engine) \(A.self) \(aOrientation) \(B.self) \(bOrientation) \(C.self) \(kind)")
                }
            }
        }
    }

    /// Stores rows of `columns` elements with three elements of padding after each.
    private func spaced<Element: Storage>(
        _ memory: TestMemory, _ values: [Double], rows: Int, columns: Int, _: Element.Type
    ) -> UnsafeMutablePointer<Element> {
        let padded = (0..<rows).flatMap { values[$0 * columns..<($0 + 1) * columns] + [7, 7, 7] }
        return memory.numbers(padded, Element.self)
    }
}
