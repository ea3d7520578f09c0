import Kernels
import Numbers
import Tensors
import TestSupport
import Testing

@Suite struct BiasTests {
    @Test(arguments: oddSizes, [0, 1, 3, 130])
    func equalsTheReference(columns: Int, rows: Int) {
        checkGradient(Float.self, rows, columns)
        checkGradient(Float16.self, rows, columns)
        checkGradient(BFloat16.self, rows, columns)
        checkGradient(BFloat16.self, rows, columns, of: BFloat16.self)
    }

    private func checkGradient<Element: Storage, Gradient: Storage>(
        _: Element.Type, _ rows: Int, _ columns: Int, of: Gradient.Type = Float.self
    ) {
        let outputGradient = normals(rows * columns, seed: 3).map { Double(Gradient($0)) }
        let before = normals(columns, seed: 4)
        let expected = Reference.columnSums(outputGradient, columns: columns)
        // A block of 64 rows sums values below 5; the total stays below 64 · 5.
        let absolute = Float.unitRoundoff * 64 * 5
        for accumulating in [false, true] {
            withTestMemory { memory in
                let gradient = memory.numbers(before, Element.self)
                biasGradient(
                    memory.numbers(outputGradient, Gradient.self), into: gradient, rows: rows, columns: columns,
                    accumulating: accumulating)
                expectClose(
                    array(gradient, columns), accumulating ? Reference.sum(before, expected) : expected,
                    absolute: absolute, relative: Element.unitRoundoff, "biasGradient accumulating \(accumulating)")
            }
        }
    }
}
