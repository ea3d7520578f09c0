import Kernels
import TestSupport
import Testing

@Suite struct BiasTests {
    @Test(arguments: oddSizes, [0, 1, 3, 130])
    func equalsTheReference(columns: Int, rows: Int) {
        check(Float.self, Float.self, rows, columns)
        check(Float16.self, Float16.self, rows, columns)
        check(Float16.self, Float.self, rows, columns)
        checkGradient(Float.self, rows, columns)
        checkGradient(Float16.self, rows, columns)
    }

    private func check<Bias: Storage, Output: Storage>(_: Bias.Type, _: Output.Type, _ rows: Int, _ columns: Int) {
        let (input, bias) = (normals(rows * columns, seed: 1), normals(columns, seed: 2))
        withTestMemory { memory in
            let (x, b) = (memory.numbers(input, Float.self), memory.numbers(bias, Bias.self))
            let y = memory.output(rows * columns, Output.self)
            addBias(x, b, into: y, rows: rows, columns: columns)
            // One addition and one rounding to the output's type.
            let tolerance = Float.unitRoundoff + Output.unitRoundoff
            expectClose(array(y, rows * columns), Reference.addingBias(input, bias), relative: tolerance, "addBias")
            addBias(x, nil as UnsafePointer<Bias>?, into: y, rows: rows, columns: columns)
            expectClose(array(y, rows * columns), input, "no bias")
            addBias(x, b, into: x, rows: rows, columns: columns)
            expectClose(
                array(x, rows * columns), Reference.addingBias(input, bias), relative: Float.unitRoundoff, "in place")
        }
    }

    private func checkGradient<Element: Storage>(_: Element.Type, _ rows: Int, _ columns: Int) {
        let outputGradient = normals(rows * columns, seed: 3)
        let before = normals(columns, seed: 4)
        let expected = Reference.columnSums(outputGradient, columns: columns)
        // A piece of 64 rows adds numbers below 5; the pieces' sums stay below 64 · 5.
        let absolute = Float.unitRoundoff * 64 * 5
        for accumulating in [false, true] {
            withTestMemory { memory in
                let gradient = memory.numbers(before, Element.self)
                biasGradient(
                    memory.numbers(outputGradient, Float.self), into: gradient, rows: rows, columns: columns,
                    accumulating: accumulating)
                expectClose(
                    array(gradient, columns), accumulating ? Reference.sum(before, expected) : expected,
                    absolute: absolute, relative: Element.unitRoundoff, "biasGradient accumulating \(accumulating)")
            }
        }
    }
}
