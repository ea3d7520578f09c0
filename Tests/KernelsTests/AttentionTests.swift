import Kernels
import TestSupport
import Tensors
import Testing

// B sequences, T positions, H heads, D head width, C = H · D.

@Suite struct AttentionTests {
    struct Shape: Sendable {
        var B = 1
        let T: Int
        var H = 1
        let D: Int
    }

    static let shapes =
        [1, 3, 15, 16, 17, 31, 33, 63, 64, 65, 100, 130].map { Shape(T: $0, D: 8) }
        + [1, 3, 15, 16, 17, 33].map { Shape(B: 2, T: 9, H: 3, D: $0) } + [Shape(B: 0, T: 5, D: 4)]

    @Test(arguments: shapes)
    func equalsTheReference(shape: Shape) {
        check(Float.self, shape, deviation: 1, dropoutRate: 0)
        check(Float16.self, shape, deviation: 1, dropoutRate: 0)
        check(Float.self, shape, deviation: 1, dropoutRate: 0.3)
    }

    /// Scores in the hundreds: one probability is 1 and the others vanish.
    @Test func saturated() { check(Float.self, Shape(B: 2, T: 70, H: 2, D: 5), deviation: 16, dropoutRate: 0) }

    private func check<Element: Storage>(_: Element.Type, _ shape: Shape, deviation: Double, dropoutRate: Double) {
        let (B, T, H, D) = (shape.B, shape.T, shape.H, shape.D)
        let (C, rows) = (H * D, B * T)
        let input = normals(rows * 3 * C, seed: 1, deviation: deviation)
        let outputGradient = normals(rows * C, seed: 2)
        let samples = (0..<B).map { UInt64(100 + $0) }
        let dropout = Reference.Dropout(rate: dropoutRate, seed: 5, step: 6, samples: samples)
        let reference = Reference.CausalAttention(sequences: B, positions: T, heads: H, headWidth: D) {
            sequence, head, query, key in
            if dropoutRate == 0 { return 1 }
            return dropout.attentionFactor(
                sequence: sequence, site: 7, head: head, query: query, key: key, positions: T)
        }
        let expected = reference.forward(input)
        let expectedGradient = reference.backward(input, outputGradient: outputGradient)
        let attention = CausalAttention(headCount: H, headWidth: D)
        withTestMemory { memory in
            let x = memory.numbers(input, Element.self)
            let indices = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: B)
            defer { indices.deallocate() }
            _ = indices.initialize(from: samples)
            let dropout = Dropout(rate: dropoutRate, seed: 5, step: 6, samples: indices.baseAddress!)
            let (y, sums) = (memory.output(rows * C, Element.self), memory.output(B * H * T, Float.self))
            attention.forward(
                x, into: y, logSums: sums, sequences: B, positions: T, dropout: dropout,
                site: 7)
            let gradient = memory.output(rows * 3 * C, Float.self)
            attention.backward(
                x, output: y, logSums: sums, outputGradient: memory.numbers(outputGradient, Float.self), into: gradient,
                sequences: B, positions: T, dropout: dropout,
                site: 7)

            // A score is a product of D terms, rounded at the size of the largest score; an exponential turns that into a
            // relative error of a probability, and the output is a mean of values of the inputs' size.
            let scoreSize = deviation * deviation * Double(D).squareRoot() * 4 + 8
            let error = (Float.unitRoundoff + Element.productError) * (scoreSize + 16)
            let size = deviation / (1 - dropoutRate)
            expectClose(array(sums, B * H * T), expected.logSums, absolute: error, "attention log sums")
            expectClose(
                array(y, rows * C), expected.output, absolute: error * size, relative: Element.unitRoundoff,
                "attention output")
            // The outputs that the backward pass reads are rounded to storage: an error of ∂score's size, times the scale.
            expectClose(
                array(gradient, rows * 3 * C), expectedGradient,
                absolute: 16 * (error + Element.unitRoundoff) * size * size, "attention gradient")
            expectCloseInNorm(
                array(gradient, rows * 3 * C), expectedGradient, relative: 4 * (error + Element.unitRoundoff),
                "attention gradient")
        }
    }

    /// New positions over a cache see what the whole sequence would have shown them.
    @Test(arguments: [(1, 0), (7, 0), (1, 6), (3, 4), (2, 31)], [1, 5, 16, 20])
    func cachedEqualsTheReference(places: (count: Int, first: Int), D: Int) {
        let (N, first, H) = (places.count, places.first, 2)
        let (T, C) = (places.count + places.first, 2 * D)
        let input = normals(T * 3 * C, seed: 1)
        let expected = Reference.CausalAttention(sequences: 1, positions: T, heads: H, headWidth: D).forward(input)
            .output
        func part(_ index: Int) -> [Double] {
            (0..<T).flatMap { row -> ArraySlice<Double> in
                let start = (3 * row + index) * C
                return input[start..<start + C]
            }
        }
        withTestMemory { memory in
            let y = memory.output(N * C, Float.self)
            cachedAttention(
                memory.numbers(Array(part(0)[(first * C)...]), Float.self), keys: memory.numbers(part(1), Float.self),
                values: memory.numbers(part(2), Float.self), into: y, scores: memory.output(T, Float.self), count: N,
                first: first, heads: H, headWidth: D)
            expectClose(
                array(y, N * C), Array(expected[(first * C)...]), absolute: 16 * Float.unitRoundoff,
                "cached attention")
        }
    }
}
