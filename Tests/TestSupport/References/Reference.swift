/// Reference implementations of all operations, in Float64 and as plain loops, for comparison with the kernels.
package enum Reference {
    /// Returns the product of row-major matrices, A [m, k] · B [k, n].
    package static func matrixProduct(_ a: [Double], _ b: [Double], m: Int, n: Int, k: Int) -> [Double] {
        var c = [Double](repeating: 0, count: m * n)
        for row in 0..<m {
            for column in 0..<n {
                for inner in 0..<k { c[row * n + column] += a[row * k + inner] * b[inner * n + column] }
            }
        }
        return c
    }

    /// Returns the transpose of a [rows, columns] matrix.
    package static func transposed(_ matrix: [Double], rows: Int, columns: Int) -> [Double] {
        (0..<columns).flatMap { column in (0..<rows).map { row in matrix[row * columns + column] } }
    }

    /// Returns x·Wᵀ + b for every row of input [R, I]; weight [O, I], bias [O] or nil.
    package static func linear(
        _ input: [Double], weight: [Double], bias: [Double]?, rows: Int, inputWidth: Int
    ) -> [Double] {
        let outputWidth = weight.count / inputWidth
        var output: [Double] = []
        for row in 0..<rows {
            for column in 0..<outputWidth {
                var sum = bias?[column] ?? 0
                for inner in 0..<inputWidth {
                    sum += input[row * inputWidth + inner] * weight[column * inputWidth + inner]
                }
                output.append(sum)
            }
        }
        return output
    }

    /// Returns a + b elementwise.
    package static func sum(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { $0 + $1 } }

    /// Returns Σ a · b.
    package static func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    /// Returns `values` multiplied by `factor`.
    package static func scaled(_ values: [Double], by factor: Double) -> [Double] { values.map { $0 * factor } }

    /// Returns input [R, C] plus bias [C] in every row.
    package static func addingBias(_ input: [Double], _ bias: [Double]) -> [Double] {
        input.enumerated().map { $1 + bias[$0 % bias.count] }
    }

    /// Returns the columns `range` of every row of a matrix with rows of `stride` elements.
    package static func columns(_ range: Range<Int>, of matrix: [Double], stride: Int) -> [Double] {
        (0..<matrix.count / stride).flatMap { matrix[$0 * stride + range.lowerBound..<$0 * stride + range.upperBound] }
    }

    /// Returns the sum of each column of an [R, C] matrix.
    package static func columnSums(_ matrix: [Double], columns: Int) -> [Double] {
        var sums = [Double](repeating: 0, count: columns)
        for (index, value) in matrix.enumerated() { sums[index % columns] += value }
        return sums
    }

    /// Returns Σ values².
    package static func sumOfSquares(_ values: [Double]) -> Double { dot(values, values) }

    /// Returns the sum over a balanced tree, which splits at the largest power of two below the number of leaves.
    package static func treeSum<Number>(_ leaves: [Number], _ add: (Number, Number) -> Number) -> Number {
        if leaves.count == 1 { return leaves[0] }
        var left = 1
        while left * 2 < leaves.count { left *= 2 }
        return add(treeSum(Array(leaves[..<left]), add), treeSum(Array(leaves[left...]), add))
    }
}
