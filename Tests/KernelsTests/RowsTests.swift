import Kernels
import Numbers
import Tensors
import TestSupport
import Testing

// N selected rows, R rows of the full matrix, C columns.

@Suite struct RowsTests {
    @Test(arguments: oddSizes, [[], [4], [2, 0, 6, 5], [0, 1, 2, 3, 4, 5, 6]])
    func gathersAndScatters(columns: Int, places: [Int]) {
        check(Float.self, columns, places)
        check(Float16.self, columns, places)
        check(BFloat16.self, columns, places)
    }

    /// Gathering the same row twice is allowed.
    @Test func gathersTheSameRowTwice() {
        withTestMemory { memory in
            let target = memory.output(6, Float.self)
            gatherRows(
                memory.numbers([1, 2, 3, 4], Float.self), places: memory.integers([1, 1, 0]), into: target, count: 3,
                columns: 2)
            #expect(array(target, 6) == [3, 4, 3, 4, 1, 2])
        }
    }

    private func check<Element: Storage>(_: Element.Type, _ C: Int, _ places: [Int]) {
        let (R, N) = (7, places.count)
        let whole = normals(R * C, seed: 1)
        withTestMemory { memory in
            let indices = memory.integers(places)
            let (list, again) = (memory.output(N * C, Element.self), memory.output(R * C, Element.self))
            gatherRows(memory.numbers(whole, Element.self), places: indices, into: list, count: N, columns: C)
            #expect(array(list, N * C) == places.flatMap { whole[$0 * C..<($0 + 1) * C] }.map { Element($0) })
            scatterRows(list, places: indices, into: again, count: N, rows: R, columns: C)
            let expected = whole.enumerated().map { places.contains($0 / C) ? $1 : 0 }
            #expect(array(again, R * C) == expected.map { Element($0) })
        }
    }
}
