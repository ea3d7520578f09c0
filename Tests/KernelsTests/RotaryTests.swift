import Kernels
import Tensors
import TestSupport
import Testing

// B sequences, T positions, H heads, D head dimension.

@Suite struct RotaryTests {
    @Test(arguments: [2, 6, 16, 32, 34, 64, 128], [0, 1, 3])
    func equalsTheReference(headWidth: Int, sequences: Int) {
        for (firstColumn, firstPosition, base) in [(0, 0, 10_000.0), (5, 3, 500_000)] {
            let reference = Reference.Rotary(
                stride: 3 * headWidth + 7, firstColumn: firstColumn, heads: 3, headWidth: headWidth, positions: 5,
                firstPosition: firstPosition, base: base)
            check(Float.self, sequences, reference)
            check(Float16.self, sequences, reference)
            check(BFloat16.self, sequences, reference)
        }
    }

    /// Angles of distant positions are still accurate.
    @Test func distantPositionsEqualTheReference() {
        let reference = Reference.Rotary(
            stride: 32, firstColumn: 0, heads: 1, headWidth: 32, positions: 3, firstPosition: 8189)
        check(Float.self, 1, reference)
    }

    /// Attention scores depend on the distance between query and key, not on their absolute positions.
    @Test func dotProductsDependOnDistanceOnly() {
        let (D, T) = (16, 9)
        let table = RotaryTable(positions: T, headWidth: D)
        let (query, key) = (normals(D, seed: 1), normals(D, seed: 2))
        withTestMemory { memory in
            let queries = memory.numbers((0..<T).flatMap { _ in query }, Float.self)
            let keys = memory.numbers((0..<T).flatMap { _ in key }, Float.self)
            for rows in [queries, keys] {
                table.rotate(rows, stride: D, firstColumn: 0, headCount: 1, sequences: 1, positions: T)
            }
            func product(_ m: Int, _ n: Int) -> Double {
                Reference.dot(array(queries + m * D, D).map(Double.init), array(keys + n * D, D).map(Double.init))
            }
            for distance in 0..<T {
                for n in 0..<T - distance {
                    expectClose(product(n + distance, n), product(distance, 0), absolute: 64 * Float.unitRoundoff)
                }
            }
            #expect(abs(product(3, 0) - product(0, 3)) > 0.01)
        }
    }

    private func check<Element: Storage>(_: Element.Type, _ sequences: Int, _ reference: Reference.Rotary) {
        let table = RotaryTable(
            positions: reference.firstPosition + reference.positions, headWidth: reference.headWidth,
            base: reference.base)
        let input = normals(sequences * reference.positions * reference.stride, seed: 1)
        withTestMemory { memory in
            func rotate(_ rows: UnsafeMutablePointer<Element>, inverse: Bool) {
                table.rotate(
                    rows, stride: reference.stride, firstColumn: reference.firstColumn, headCount: reference.heads,
                    firstPosition: reference.firstPosition, inverse: inverse, sequences: sequences,
                    positions: reference.positions)
            }
            // The sum of two products, each of a value below 5 and a rounded cosine or sine, rounded once more.
            let (absolute, relative) = (20 * Float.unitRoundoff, Element.unitRoundoff)
            for inverse in [false, true] {
                let rows = memory.numbers(input, Element.self)
                rotate(rows, inverse: inverse)
                expectClose(
                    array(rows, input.count), reference.rotated(input, inverse: inverse), absolute: absolute,
                    relative: relative, "rotate, inverse: \(inverse)")
                rotate(rows, inverse: !inverse)
                // The rotation preserves the magnitude of the first rounding error, that of values up to 8.
                expectClose(
                    array(rows, input.count), input, absolute: 2 * absolute + 8 * Element.unitRoundoff,
                    relative: relative, "there and back")
            }
        }
    }
}
