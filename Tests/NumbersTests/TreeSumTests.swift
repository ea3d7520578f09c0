import Numbers
import Tensors
import TestSupport
import Testing

@Suite struct TreeSumTests {
    private static let size = 37

    /// Returns values whose sum depends on the order of summation, in either type.
    private func parts<Element: Storage>(_ count: Int, _: Element.Type) -> [[Element]] {
        (0..<count).map { part in
            normals(TreeSumTests.size, seed: UInt64(part), deviation: part % 3 == 0 ? 100 : 1).map { Element($0 * 1.1) }
        }
    }

    private func sum<Element: Storage>(_ parts: [[Element]], intoPart aliased: Int? = nil) -> [Element] {
        withTestMemory { memory in
            let pointers = parts.map { memory.numbers($0.map { Double($0) }, Element.self) }
            let target = aliased.map { pointers[$0] } ?? memory.output(TreeSumTests.size, Element.self)
            pointers.map { UnsafePointer($0) }.withUnsafeBufferPointer {
                let squares = TreeSum.sum($0, into: target, count: TreeSumTests.size)
                #expect(squares == sumOfSquares(target, count: TreeSumTests.size))
            }
            return array(target, TreeSumTests.size)
        }
    }

    /// Returns the tree sum of up to nine parts, with every tree written out.
    private func explicit<Element: Storage>(_ p: [Element]) -> Element {
        func add(_ a: Element, _ b: Element) -> Element { Element(Float(a) + Float(b)) }
        func two(_ i: Int) -> Element { add(p[i], p[i + 1]) }
        func four(_ i: Int) -> Element { add(two(i), two(i + 2)) }
        switch p.count {
        case 1: return p[0]
        case 2: return two(0)
        case 3: return add(two(0), p[2])
        case 4: return four(0)
        case 5: return add(four(0), p[4])
        case 6: return add(four(0), two(4))
        case 7: return add(four(0), add(two(4), p[6]))
        case 8: return add(four(0), four(4))
        default: return add(add(four(0), four(4)), p[8])
        }
    }

    @Test(arguments: 1...9, StorageType.allCases)
    func equalsTheExplicitTree(count: Int, type: StorageType) {
        func check<Element: Storage>(_: Element.Type) {
            let parts = parts(count, Element.self)
            let expected = (0..<TreeSumTests.size).map { i in explicit(parts.map { $0[i] }) }
            #expect(sum(parts) == expected)
            for aliased in 0..<count { #expect(sum(parts, intoPart: aliased) == expected) }
            let general = (0..<TreeSumTests.size).map { i in
                Reference.treeSum(parts.map { $0[i] }) { Element(Float($0) + Float($1)) }
            }
            #expect(general == expected)
        }
        switch type {
        case .float32: check(Float.self)
        case .float16: check(Float16.self)
        case .bfloat16: check(BFloat16.self)
        }
    }

    /// Ranks that each sum an aligned power of two of the leaves, and then add their sums, get the bits of the whole
    /// tree.
    @Test(arguments: [(8, 2), (8, 4), (6, 3), (12, 3), (16, 4), (16, 16), (5, 5), (10, 5)], StorageType.allCases)
    func sumsOfRanksEqualTheWholeTree(shape: (leaves: Int, ranks: Int), type: StorageType) {
        func check<Element: Storage>(_: Element.Type) {
            let parts = parts(shape.leaves, Element.self)
            let each = shape.leaves / shape.ranks
            let ranks = (0..<shape.ranks).map { sum(Array(parts[$0 * each..<($0 + 1) * each])) }
            #expect(sum(ranks) == sum(parts))
        }
        switch type {
        case .float32: check(Float.self)
        case .float16: check(Float16.self)
        case .bfloat16: check(BFloat16.self)
        }
    }

    @Test(arguments: 0...9)
    func sumsDoublesInTheSameOrder(count: Int) {
        let values = (0..<count).map { normals(1, seed: UInt64($0))[0] * ($0 % 3 == 0 ? 1e9 : 1) / 3 }
        let actual = values.withUnsafeBufferPointer { TreeSum.sum($0) }
        #expect(actual == (count == 0 ? 0 : Reference.treeSum(values, +)))
    }

    @Test(arguments: [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8), (12, 8), (1 << 20, 1 << 19)])
    func splitsAtAPowerOfTwo(count: Int, left: Int) { #expect(TreeSum.split(count) == left) }
}
