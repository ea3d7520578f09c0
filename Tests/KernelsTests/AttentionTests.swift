import Kernels
import Numbers
import Tensors
import TestSupport
import Testing

// B sequences, T queries and S keys per sequence, H query heads, K KV heads, D head dimension.

@Suite struct AttentionTests {
    struct Shape: Sendable {
        var B = 1
        var T = 1
        /// nil: T.
        var S: Int?
        var H = 1
        /// nil: H.
        var K: Int?
        var D = 4
        var mask = Reference.Mask(isCausal: true)
        var penalizesDistance = false
        /// Whether scores have learned biases by distance, and are not divided by √D.
        var isBiased = false

        var keys: Int { S ?? T }
        var keyHeads: Int { K ?? H }
    }

    static let shapes =
        [1, 3, 11, 12, 13, 16, 17, 31, 33, 47, 48, 49, 65, 100, 130].map { Shape(T: $0, D: 8) }
        + [1, 3, 15, 16, 17, 33].map { Shape(B: 2, T: 9, H: 3, D: $0) } + [Shape(B: 0, T: 5)]

    /// Different numbers of queries and keys, around the sizes of blocks and vectors.
    static let crossShapes: [Shape] = [
        (1, 1), (1, 64), (64, 1), (7, 65), (65, 7), (130, 33), (63, 130), (64, 64), (13, 800),
    ].map { (T: Int, S: Int) in
        let lengths = [S, max(1, S / 2)]
        return Shape(B: 2, T: T, S: S, H: 2, mask: Reference.Mask(isCausal: false, lengths: lengths))
    }

    static let groups: [Shape] = [(4, 1, 5), (4, 2, 70), (6, 3, 5), (6, 3, 70), (3, 1, 70)].map {
        (heads: Int, keyHeads: Int, T: Int) in
        Shape(B: 2, T: T, H: heads, K: keyHeads, penalizesDistance: heads == 6)
    }

    /// Masks whose ranges end within blocks or at their boundaries, and masks with a block of queries beyond the last
    /// valid key.
    static let masked: [Shape] = [
        mask(5, isCausal: false, lengths: [5, 1]), mask(130, isCausal: false, lengths: [64, 65]),
        mask(130, isCausal: true, lengths: [130, 3]), mask(130, isCausal: true, lengths: [63, 128]),
        mask(130, isCausal: true, prefixLengths: [0, 1]), mask(130, isCausal: true, prefixLengths: [64, 130]),
        mask(130, isCausal: true, lengths: [100, 60], prefixLengths: [65, 20]),
        mask(130, isCausal: true, documents: [[0, 1, 33, 34, 64, 127], [0, 63, 65, 100]]),
        mask(70, isCausal: true, lengths: [66, 40], documents: [[0, 40], [0, 32, 66]]),
        mask(40, isCausal: false, documents: [[0, 30], [0, 39]]),
    ]

    static let maskedByDistance: [Shape] = masked.map {
        var shape = $0
        shape.penalizesDistance = true
        return shape
    }

    /// Windows that end within blocks of queries (48) and of keys (32), or at their boundaries.
    static let windows: [Shape] =
        [1, 2, 16, 31, 32, 33, 47, 48, 49, 50, 64, 95, 96, 97, 129, 130, 131].flatMap { size in
            [true, false].map { windowed(mask(130, isCausal: $0), size) }
        }
        + [48, 49].flatMap { size in
            [
                windowed(mask(130, isCausal: true, lengths: [100, 60]), size),
                windowed(mask(130, isCausal: false, lengths: [130, 3]), size),
                windowed(mask(130, isCausal: true, documents: [[0, 1, 33, 34, 64, 127], [0, 63, 65, 100]]), size),
                windowed(mask(130, isCausal: true, prefixLengths: [64, 130]), size),
                windowed(maskedByDistance[1], size), windowed(Shape(T: 48, H: 6, K: 3), size),
            ]
        }

    /// Learned biases, alone and with other masks.
    static let biased: [Shape] =
        [1, 3, 31, 32, 33, 47, 48, 49, 97].map { T in biased(Shape(B: 2, T: T, H: 2)) }
        + (groups + masked + [windowed(mask(130, isCausal: true), 49)] + crossShapes.filter { $0.keys < 200 }).map(
            biased)

    private static func windowed(_ shape: Shape, _ size: Int) -> Shape {
        var shape = shape
        shape.mask.window = size
        return shape
    }

    private static func biased(_ shape: Shape) -> Shape {
        var shape = shape
        shape.isBiased = true
        return shape
    }

    /// - Parameter documents: The start positions of the documents of each sequence.
    private static func mask(
        _ T: Int, isCausal: Bool, lengths: [Int]? = nil, prefixLengths: [Int]? = nil, documents: [[Int]]? = nil
    ) -> Shape {
        let documentStarts = documents.map { $0.flatMap { starts in (0..<T).map { t in starts.last { $0 <= t }! } } }
        return Shape(
            B: 2, T: T, H: 2, K: 1,
            mask: Reference.Mask(
                isCausal: isCausal, lengths: lengths, prefixLengths: prefixLengths, documentStarts: documentStarts))
    }

    @Test(arguments: shapes + crossShapes + groups + masked + maskedByDistance)
    func equalsTheReference(shape: Shape) {
        check(Float.self, shape, deviation: 1, dropoutRate: 0)
        check(Float16.self, shape, deviation: 1, dropoutRate: 0)
        check(BFloat16.self, shape, deviation: 1, dropoutRate: 0)
        check(Float.self, shape, deviation: 1, dropoutRate: 0.3)
    }

    @Test(arguments: windows + biased)
    func windowsAndBiasesEqualTheReference(shape: Shape) {
        check(Float.self, shape, deviation: 1, dropoutRate: 0)
        check(BFloat16.self, shape, deviation: 1, dropoutRate: 0)
        if shape.T % 2 == 0 { check(Float.self, shape, deviation: 1, dropoutRate: 0.3) }
    }

    /// Scores in the hundreds, so that one probability is 1 and the others are 0.
    @Test func saturatedSoftmaxEqualsTheReference() {
        check(Float.self, Shape(B: 2, T: 70, H: 2, D: 5), deviation: 16, dropoutRate: 0)
    }

    @Test(arguments: [1, 2, 3, 8, 12, 20])
    func slopesEqualThePublishedOnes(heads: Int) {
        expectClose(Attention.slopes(heads), Reference.slopes(heads: heads), relative: 2 * Float.unitRoundoff)
    }

    private func check<Element: Storage>(_: Element.Type, _ shape: Shape, deviation: Double, dropoutRate: Double) {
        let (B, T, S, H, K, D) = (shape.B, shape.T, shape.keys, shape.H, shape.keyHeads, shape.D)
        let (rows, keyRows, C, keyWidth) = (B * T, B * S, H * D, K * D)
        let input = Reference.AttentionInput(
            queries: normals(rows * C, seed: 1, deviation: deviation),
            keys: normals(keyRows * keyWidth, seed: 2, deviation: deviation),
            values: normals(keyRows * keyWidth, seed: 3, deviation: deviation))
        let outputGradient = normals(rows * C, seed: 4)
        let samples = (0..<B).map { UInt64(100 + $0) }
        let dropout = Reference.Dropout(rate: dropoutRate, seed: 5, step: 6, samples: samples)
        var reference = Reference.Attention(
            sequences: B, queries: T, keys: S, heads: H, keyHeads: K, headWidth: D, mask: shape.mask,
            slopes: shape.penalizesDistance ? Reference.slopes(heads: H) : []
        ) { sequence, head, query, key in
            if dropoutRate == 0 { return 1 }
            return dropout.attentionFactor(
                sequence: sequence, site: 7, head: head, query: query, key: key, queries: T, keys: S)
        }
        // Biases may be for more distances than the sequences have.
        let positions = max(T, S) + 2
        let biases = normals(H * (2 * positions - 1), seed: 8, deviation: deviation)
        func place(_ head: Int, _ distance: Int) -> Int { head * (2 * positions - 1) + positions - 1 + distance }
        if shape.isBiased {
            reference.scalesScores = false
            reference.bias = { biases[place($0, $1)] }
        }
        let expected = reference.forward(input)
        var biasGradients = [Double](repeating: 0, count: B * biases.count)
        let expectedGradient = reference.backward(input, outputGradient: outputGradient) {
            sequence, head, distance, gradient in
            biasGradients[sequence * biases.count + place(head, distance)] += gradient
        }
        let attention = Attention(
            headCount: H, keyHeadCount: K, headWidth: D, penalizesDistance: shape.penalizesDistance,
            window: shape.mask.window, scalesScores: !shape.isBiased)
        withTestMemory { memory in
            let indices = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: B)
            defer { indices.deallocate() }
            _ = indices.initialize(from: samples)
            let dropout = Dropout(rate: dropoutRate, seed: 5, step: 6, samples: indices.baseAddress!)
            let mask = shape.mask.attentionMask(memory)
            let (y, sums) = (memory.output(rows * C, Element.self), memory.output(B * H * T, Float.self))
            let learned =
                shape.isBiased
                ? DistanceBiases(memory.numbers(biases, Float.self), positions: positions) : nil
            let learnedGradients = memory.numbers([Double](repeating: 0, count: biasGradients.count), Float.self)
            let x = PackedRows(memory, input, queryWidth: C, keyWidth: keyWidth, Element.self)
            attention.forward(
                x.rows, into: y, logSums: sums, sequences: B, queries: T, keys: S, mask: mask, biases: learned,
                dropout: dropout, site: 7)
            if dropoutRate == 0, learned == nil {
                let p = memory.output(B * H * T * S, Float.self)
                attention.probabilities(x.rows, into: p, sequences: B, queries: T, keys: S, mask: mask)
                expectProbabilities(array(p, B * H * T * S), of: array(y, rows * C), input.values, shape)
            }
            let nothing = Reference.AttentionInput(
                queries: input.queries.map { _ in .nan }, keys: input.keys.map { _ in .nan },
                values: input.values.map { _ in .nan })
            let gradients = PackedRows(memory, nothing, queryWidth: C, keyWidth: keyWidth, Float.self)
            attention.backward(
                x.rows, output: y, logSums: sums, outputGradient: memory.numbers(outputGradient, Float.self),
                into: gradients.rows, sequences: B, queries: T, keys: S, mask: mask, biases: learned,
                biasGradients: shape.isBiased ? learnedGradients : nil, dropout: dropout, site: 7)

            // A score is a dot product of D terms, rounded at the magnitude of the largest score. The exponential turns
            // this into a relative error of the probability, and the output is a mean of values of the inputs'
            // magnitude.
            let scoreSize =
                deviation * deviation * Double(D).squareRoot() * 4 * (shape.isBiased ? Double(D).squareRoot() : 1) + 8
                + (shape.penalizesDistance ? Double(T) : 0)
            let error = (Float.unitRoundoff + Element.productError(with: Float.self)) * (scoreSize + 16)
            let size = deviation / (1 - dropoutRate)
            expectClose(array(sums, B * H * T), expected.logSums, absolute: error, "attention log sums")
            expectClose(
                array(y, rows * C), expected.output, absolute: error * size, relative: Element.unitRoundoff,
                "attention output")
            // The outputs that the backward pass reads are rounded to the storage type, which causes an error of the
            // magnitude of ∂score times the scale. The errors of query heads that share a KV head add up.
            let actual = gradients.read()
            if shape.isBiased {
                // Each is the sum of at most T gradients of scores.
                expectClose(
                    array(learnedGradients, biasGradients.count), biasGradients,
                    absolute: 16 * Double(T).squareRoot() * (error + Element.unitRoundoff) * size * size,
                    relative: 16 * error, "gradient of biases")
            }
            for part in [\Reference.AttentionInput.queries, \.keys, \.values] {
                expectClose(
                    actual[keyPath: part], expectedGradient[keyPath: part],
                    absolute: 16 * Double(H / K) * (error + Element.unitRoundoff) * size * size,
                    relative: 16 * error, "attention gradient")
                if expectedGradient[keyPath: part].contains(where: { $0 != 0 }), T > 1, S > 1 {
                    expectCloseInNorm(
                        actual[keyPath: part], expectedGradient[keyPath: part],
                        relative: 8 * (error + Element.unitRoundoff), "attention gradient")
                }
            }
        }
    }
}

/// Expects that the probabilities of each query sum to 1, and that their products with the values are the output.
private func expectProbabilities<Element: Storage>(
    _ probabilities: [Float], of output: [Element], _ values: [Double], _ shape: AttentionTests.Shape
) {
    let (B, T, S, H, K, D) = (shape.B, shape.T, shape.keys, shape.H, shape.keyHeads, shape.D)
    let size = values.map(abs).max() ?? 0
    for row in 0..<B * H * T {
        let (b, h, t) = (row / (H * T), row / T % H, row % T)
        let own = probabilities[row * S..<(row + 1) * S].map(Double.init)
        // S terms that were each divided by their sum.
        expectClose([own.reduce(0, +)], [1], absolute: 8 * Float.unitRoundoff, "sum of probabilities")
        let expected = (0..<D).map { d in
            own.indices.reduce(0) { $0 + own[$1] * values[((b * S + $1) * K + h / (H / K)) * D + d] }
        }
        let start = ((b * T + t) * H + h) * D
        expectClose(
            Array(output[start..<start + D]), expected,
            absolute: size * (16 * Float.unitRoundoff + Element.productError(with: Float.self)),
            relative: Element.unitRoundoff, "probabilities times values")
    }
}

extension Reference.Mask {
    /// Returns the same mask for kernels.
    func attentionMask(_ memory: TestMemory) -> AttentionMask {
        func pointer(_ values: [Int]?) -> UnsafePointer<Int32>? {
            values.map { UnsafePointer(memory.integers($0)) }
        }
        return AttentionMask(
            isCausal: isCausal, lengths: pointer(lengths), prefixLengths: pointer(prefixLengths),
            documentStarts: pointer(documentStarts))
    }
}

/// Queries, keys and values in one matrix if they have equally many rows, otherwise in two.
private struct PackedRows<Number: Storage> {
    let rows: AttentionRows<Number>
    private let counts: (queries: Int, keys: Int)
    private let widths: (queries: Int, keys: Int)

    init(_ memory: TestMemory, _ input: Reference.AttentionInput, queryWidth: Int, keyWidth: Int, _: Number.Type) {
        counts = (input.queries.count / queryWidth, input.keys.count / keyWidth)
        widths = (queryWidth, keyWidth)
        func row(_ values: [Double], _ index: Int, _ width: Int) -> ArraySlice<Double> {
            values[index * width..<(index + 1) * width]
        }
        func keyRow(_ index: Int) -> ArraySlice<Double> {
            row(input.keys, index, keyWidth) + row(input.values, index, keyWidth)
        }
        if counts.queries == counts.keys {
            let packed = (0..<counts.keys).flatMap { row(input.queries, $0, queryWidth) + keyRow($0) }
            rows = AttentionRows(
                sideBySide: memory.numbers(packed, Number.self), queryWidth: queryWidth, keyWidth: keyWidth)
        } else {
            rows = AttentionRows(
                queries: memory.numbers(input.queries, Number.self), queryWidth: queryWidth,
                keysAndValues: memory.numbers((0..<counts.keys).flatMap(keyRow), Number.self), keyWidth: keyWidth)
        }
    }

    /// Returns the current contents.
    func read() -> Reference.AttentionInput {
        func columns(_ rows: HeadRows<Number>, _ count: Int, _ width: Int) -> [Double] {
            (0..<count).flatMap { row in (0..<width).map { Double(rows.base[row * rows.stride + $0]) } }
        }
        return Reference.AttentionInput(
            queries: columns(rows.queries, counts.queries, widths.queries),
            keys: columns(rows.keys, counts.keys, widths.keys), values: columns(rows.values, counts.keys, widths.keys))
    }
}
