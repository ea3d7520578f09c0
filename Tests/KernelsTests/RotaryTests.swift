import Glibc
import Kernels
import Numbers
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

    /// Only the first columns of a head are rotated.
    @Test(arguments: [2, 12, 30])
    func rotatesPartOfAHead(rotatedWidth: Int) {
        let angles = RotaryAngles(positions: 5, headWidth: 34, rotatedWidth: rotatedWidth, base: 100)
        let reference = Reference.Rotary(
            stride: 90, firstColumn: 5, heads: 2, headWidth: 34, positions: 5,
            frequencies: (0..<rotatedWidth / 2).map { pow(100, -2 * Double($0) / Double(rotatedWidth)) })
        check(Float.self, 2, reference, RotaryTable(angles))
    }

    /// The frequencies of transformers 5.24.0, `ROPE_INIT_FUNCTIONS`, for a head dimension of 8 and base 500.
    @Test(arguments: [
        (RotaryScaling.linear(factor: 4), 9, [0.25, 0.05286856, 0.01118034, 0.002364354]),
        (.dynamic(factor: 3, originalPositions: 10), 10, [1, 0.21147424, 0.044721361, 0.0094574159]),
        (.dynamic(factor: 3, originalPositions: 10), 14, [1, 0.16259852, 0.026438279, 0.0042988253]),
        (
            .byFrequency(.init(factor: 8, lowFrequency: 1, highFrequency: 4, originalPositions: 64)), 70,
            [1, 0.097616628, 0.0055901702, 0.001182177]
        ),
    ])
    func frequenciesEqualThoseOfTransformers(scaling: RotaryScaling, length: Int, expected: [Double]) {
        let angles = RotaryAngles(positions: 100, headWidth: 8, base: 500, scaling: scaling)
        expectClose(angles.frequencies(length: length).map { Float($0) }, expected, relative: 1e-6)
    }

    /// The angles of sequences that are longer than the original context depend on their lengths.
    @Test func longSequencesHaveFrequenciesOfTheirOwn() {
        let angles = RotaryAngles(
            positions: 12, headWidth: 8, base: 500, scaling: .dynamic(factor: 2, originalPositions: 6))
        let table = RotaryTable(angles)
        let input = normals(2 * 9 * 8, seed: 1)
        func expected(_ length: Int, _ rows: [Double]) -> [Double] {
            Reference.Rotary(
                stride: 8, firstColumn: 0, heads: 1, headWidth: 8, positions: 9,
                frequencies: angles.frequencies(length: length)
            ).rotated(rows)
        }
        #expect(angles.frequencies(length: 9) != angles.frequencies(length: 6))
        withTestMemory { memory in
            let rows = memory.numbers(input, Float.self)
            table.rotate(
                rows, stride: 8, firstColumn: 0, headCount: 1, lengths: memory.integers([9, 6]), sequences: 2,
                positions: 9)
            expectClose(
                array(rows, input.count), expected(9, Array(input[..<72])) + expected(6, Array(input[72...])),
                absolute: 20 * Float.unitRoundoff)
            // A position that is added to a sequence is its last.
            let last = memory.numbers(Array(input[64..<72]), Float.self)
            table.rotate(
                last, stride: 8, firstColumn: 0, headCount: 1, positionIDs: memory.integers([8]), sequences: 1,
                positions: 1)
            expectClose(
                array(last, 8), Array(expected(9, Array(input[..<72]))[64...]), absolute: 20 * Float.unitRoundoff)
        }
    }

    private func check<Element: Storage>(
        _: Element.Type, _ sequences: Int, _ reference: Reference.Rotary, _ table: RotaryTable? = nil
    ) {
        let table =
            table
            ?? RotaryTable(
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
