import Kernels
import Numbers
import Tensors
import TestSupport
import Testing

/// Residual addition, conversion, addition, scaling, and sum of squares.
@Suite struct ElementwiseTests {
    private static let sizes = [0] + oddSizes

    @Test(arguments: sizes)
    func residualEqualsTheReference(count: Int) {
        check(Float.self, count)
        check(Float16.self, count)
        check(BFloat16.self, count)
    }

    private func check<Element: Storage>(_: Element.Type, _ count: Int) {
        let (a, b) = (normals(count, seed: 1), normals(count, seed: 2))
        let tolerance = Element.unitRoundoff + Float.unitRoundoff
        withTestMemory { memory in
            let (x, branch) = (memory.numbers(a, Element.self), memory.numbers(b, Float.self))
            let y = memory.output(count, Element.self)
            residual(x, branch, into: y, count: count)
            expectClose(array(y, count), Reference.sum(a, b), relative: tolerance, "residual")
            residual(x, branch, into: x, count: count)
            #expect(array(x, count) == array(y, count))

            let target = memory.numbers(a, Element.self)
            add(UnsafePointer(branch), accumulatingInto: target, count: count)
            #expect(array(target, count) == array(y, count))
            let half = memory.numbers(b, Float16.self)
            let other = memory.numbers(a, Element.self)
            add(UnsafePointer(half), accumulatingInto: other, count: count)
            #expect(array(other, count) == array(y, count))

            #expect(
                abs(sumOfSquares(y, count: count) - Reference.sumOfSquares(array(y, count).map(Double.init)))
                    <= Double(count) * 0x1p-53 * Reference.sumOfSquares(array(y, count).map(Double.init)))
        }
    }

    @Test(arguments: sizes)
    func scalingEqualsTheReference(count: Int) {
        let a = normals(count, seed: 1)
        withTestMemory { memory in
            let x = memory.numbers(a, Float.self)
            scale(x, by: 0.3, count: count)
            expectClose(
                array(x, count), Reference.scaled(a, by: Double(Float(0.3))), relative: Float.unitRoundoff, "scale")
        }
    }

    /// Squares beyond the range of Float32 are finite; infinities and NaN are detected at any position.
    @Test func sumOfSquaresHandlesExtremes() {
        withTestMemory { memory in
            let huge = memory.numbers([1e30, -1e30, 1e-40], Float.self)
            expectClose(sumOfSquares(huge, count: 3), 2 * Double(Float(1e30)) * Double(Float(1e30)), relative: 0x1p-52)
            for place in [0, 8, 15, 16, 20] {
                var values = normals(21, seed: 1)
                values[place] = .infinity
                #expect(sumOfSquares(memory.numbers(values, Float.self), count: 21) == .infinity)
                #expect(sumOfSquares(memory.numbers(values, Float16.self), count: 21) == .infinity)
                values[place] = .nan
                #expect(sumOfSquares(memory.numbers(values, Float.self), count: 21).isNaN)
                #expect(sumOfSquares(memory.numbers(values, Float16.self), count: 21).isNaN)
            }
        }
    }
}
