import Glibc
import Kernels
import TestSupport
import Testing

// R rows, C columns.

@Suite struct SoftmaxTests {
    @Test(arguments: oddSizes, [0, 1, 6])
    func equalsTheReference(columns: Int, rows: Int) {
        check(normals(rows * columns, seed: 1, deviation: 3), columns)
    }

    /// Values that are far apart or of large magnitude, and masked values (−∞).
    @Test(
        arguments: [
            [1e4, -1e4, 0, 9999, 1], [-1e4, -1e4, -1e4, -1e4, -1e4], [1e30, -1e30, 0, 0, 0], [100, 0, 0, 0, 0],
            [-Double.infinity, 0, 1, -Double.infinity, 2],
        ] as [[Double]])
    func handlesExtremes(row: [Double]) { check(row.map { Double(Float($0)) }, 5) }

    /// A NaN makes its own row NaN and no other.
    @Test(arguments: [0, 15, 16, 19])
    func nanStaysInItsRow(place: Int) {
        var numbers = normals(3 * 20, seed: 1)
        numbers[20 + place] = .nan
        withTestMemory { memory in
            let (x, y) = (memory.numbers(numbers, Float.self), memory.numbers(numbers, Float.self))
            softmax(x, rows: 3, columns: 20)
            logSoftmax(y, rows: 3, columns: 20)
            for results in [array(x, 60), array(y, 60)] {
                #expect(results.indices.allSatisfy { results[$0].isNaN == (20..<40).contains($0) })
            }
        }
    }

    private func check(_ input: [Double], _ C: Int) {
        let R = input.count / C
        let rows = (0..<R).map { Array(input[$0 * C..<($0 + 1) * C]) }
        // Differences are rounded at the magnitude of the values.
        let absolute = Float.unitRoundoff * (16 + 2 * (input.filter(\.isFinite).map(abs).max() ?? 0))
        withTestMemory { memory in
            let (x, y) = (memory.numbers(input, Float.self), memory.numbers(input, Float.self))
            softmax(x, rows: R, columns: C)
            // The exponential is 0 below −87.
            expectClose(
                array(x, R * C), rows.flatMap(Reference.softmax), absolute: 0x1p-125, relative: absolute, "softmax")
            logSoftmax(y, rows: R, columns: C)
            expectClose(
                array(y, R * C),
                rows.flatMap { row in row.map { $0 - Reference.logSumOfExponentials(row) } }, absolute: absolute,
                "logSoftmax")
        }
    }
}
