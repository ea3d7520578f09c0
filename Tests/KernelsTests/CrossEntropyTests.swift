import Kernels
import TestSupport
import Testing

// R rows, V vocabulary.

@Suite struct CrossEntropyTests {
    @Test(arguments: oddSizes, [0, 1, 6])
    func equalsTheReference(vocabulary: Int, rows: Int) {
        let targets = integers(rows, below: vocabulary + 1, seed: 2).map { $0 - 1 }
        check(normals(rows * vocabulary, seed: 1, deviation: 3), targets)
    }

    /// Logits far apart and far from zero; a softmax that is 1 and 0.
    @Test(
        arguments: [
            [1e4, -1e4, 0, 9999, 1], [-1e4, -1e4, -1e4, -1e4, -1e4], [1e4, 1e4, 1e4, 1e4, 1e4], [1e30, -1e30, 0, 0, 0],
            [100, 0, 0, 0, 0], [0, -0.0, 1e-40, -1e-40, 0], [-Double.infinity, 0, 1, -Double.infinity, 2],
        ] as [[Double]])
    func extremes(logits: [Double]) {
        let logits = logits.map { Double(Float($0)) }
        for target in logits.indices where logits[target].isFinite { check(logits, [target]) }
    }

    /// A NaN anywhere in a row, tail of the vector or not, makes that row's loss NaN and no other's.
    @Test(arguments: [0, 7, 15, 16, 19])
    func nanReachesTheLoss(place: Int) {
        var logits = normals(3 * 20, seed: 1)
        logits[20 + place] = .nan
        withTestMemory { memory in
            let (x, losses) = (memory.numbers(logits, Float.self), memory.output(3, Float.self))
            crossEntropy(x, targets: memory.integers([1, 2, 3]), into: losses, rows: 3, vocabulary: 20)
            #expect(array(losses, 3).map(\.isNaN) == [false, true, false])
            crossEntropyWithGradient(
                x, targets: memory.integers([1, 2, 3]), gradientScale: 1, losses: losses, rows: 3, vocabulary: 20)
            #expect(array(losses, 3).map(\.isNaN) == [false, true, false])
        }
    }

    private func check(_ logits: [Double], _ targets: [Int]) {
        let (R, V) = (targets.count, logits.count / max(targets.count, 1))
        let expected = Reference.crossEntropy(logits, targets: targets)
        // Differences of logits are rounded at their own size; the sum of V exponentials adds a few units more.
        let absolute = Float.unitRoundoff * (16 + 2 * (logits.filter(\.isFinite).map(abs).max() ?? 0))
        let scale = 0.375
        withTestMemory { memory in
            let (x, t) = (memory.numbers(logits, Float.self), memory.integers(targets))
            let losses = memory.output(R, Float.self)
            crossEntropy(x, targets: t, into: losses, rows: R, vocabulary: V)
            expectClose(array(losses, R), expected, absolute: absolute, "crossEntropy")

            let again = memory.output(R, Float.self)
            crossEntropyWithGradient(
                x, targets: t, gradientScale: Float(scale), losses: again, rows: R, vocabulary: V)
            #expect(array(again, R) == array(losses, R))
            expectClose(
                array(x, R * V), Reference.crossEntropyGradient(logits, targets: targets, scale: scale),
                absolute: scale * Float.unitRoundoff * 16, relative: absolute, "crossEntropy gradient")
        }
    }
}
