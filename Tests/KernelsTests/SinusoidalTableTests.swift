import Glibc
import Kernels
import Numbers
import Tensors
import TestSupport
import Testing

// T positions, C hidden size.

@Suite struct SinusoidalTableTests {
    @Test(arguments: [1, 2, 7, 16, 64], [1, 5, 300])
    func equalsTheFormula(width: Int, positions: Int) {
        check(Float.self, positions, width)
        check(Float16.self, positions, width)
        check(BFloat16.self, positions, width)
    }

    private func check<Element: Storage>(_: Element.Type, _ T: Int, _ C: Int) {
        var (alternating, halves) = ([Double](), [Double]())
        for t in 0..<T {
            var (sines, cosines) = ([Double](), [Double]())
            for column in 0..<C {
                let angle = Double(t) / pow(10_000, Double(column - column % 2) / Double(C))
                if column % 2 == 0 { sines.append(sin(angle)) } else { cosines.append(cos(angle)) }
                alternating.append(column % 2 == 0 ? sin(angle) : cos(angle))
            }
            halves += sines
            halves += cosines
        }
        // The error of an angle up to T, rounded in Float64.
        let absolute = Double(T) * 0x1p-50
        let paper = SinusoidalTable<Element>(positions: T, width: C)
        expectClose(array(paper.base, T * C), alternating, absolute: absolute, relative: 1.01 * Element.unitRoundoff)
        let marian = SinusoidalTable<Element>(positions: T, width: C, order: .halves)
        expectClose(array(marian.base, T * C), halves, absolute: absolute, relative: 1.01 * Element.unitRoundoff)
    }
}
