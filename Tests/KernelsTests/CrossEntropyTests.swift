import Glibc
import Kernels
import TestSupport
import Testing

// R rows, V vocabulary size.

@Suite struct CrossEntropyTests {
    @Test(arguments: oddSizes, [0, 1, 6])
    func equalsTheReference(vocabulary: Int, rows: Int) {
        let targets = integers(rows, below: vocabulary + 1, seed: 2).map { $0 - 1 }
        for labelSmoothing in [0, 0.125, 1] {
            check(normals(rows * vocabulary, seed: 1, deviation: 3), targets, labelSmoothing)
        }
    }

    /// Predicts the class of the largest logit, the first of equal ones, in any lane.
    @Test(arguments: oddSizes)
    func predictsTheFirstLargestLogit(vocabulary: Int) {
        let places = [0, vocabulary / 3, vocabulary / 2, vocabulary - 1]
        var rows: [[Double]] = []
        for first in places {
            for second in places where second >= first {
                var row = normals(vocabulary, seed: UInt64(rows.count), deviation: 3)
                (row[first], row[second]) = (100, 100)
                rows.append(row)
            }
        }
        // Rows of equal values, of −∞, and with a NaN.
        rows.append([Double](repeating: -3, count: vocabulary))
        rows.append([Double](repeating: -.infinity, count: vocabulary))
        var invalid = [Double](repeating: -1, count: vocabulary)
        invalid[0] = .nan
        rows.append(invalid)
        let expected = rows.map { row in
            row.indices.filter { !row[$0].isNaN }.reduce(0) { row[$0] >= row[$1] ? $0 : $1 }
        }
        withTestMemory { memory in
            let classes = memory.integers([Int](repeating: -7, count: rows.count))
            predictedClass(
                memory.numbers(rows.flatMap { $0 }, Float.self), into: classes, rows: rows.count,
                vocabulary: vocabulary)
            #expect(array(classes, rows.count).map(Int.init) == expected)
        }
    }

    /// Logits that are far apart or of large magnitude; a one-hot softmax.
    @Test(
        arguments: [
            [1e4, -1e4, 0, 9999, 1], [-1e4, -1e4, -1e4, -1e4, -1e4], [1e4, 1e4, 1e4, 1e4, 1e4], [1e30, -1e30, 0, 0, 0],
            [100, 0, 0, 0, 0], [0, -0.0, 1e-40, -1e-40, 0], [-Double.infinity, 0, 1, -Double.infinity, 2],
        ] as [[Double]])
    func handlesExtremes(logits: [Double]) {
        let logits = logits.map { Double(Float($0)) }
        for target in logits.indices where logits[target].isFinite { check(logits, [target]) }
    }

    /// A NaN anywhere in a row, also in the last, partial vector, makes the loss of that row NaN and no other.
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

    /// Outputs without a class are part of the softmax, but have no target probability and are never predicted.
    @Test(arguments: oddSizes, [1, 5, 16])
    func outputsWithoutAClassHaveNoTargetProbability(classes: Int, others: Int) {
        let (V, smoothing, scale) = (classes + others, 0.25, 0.375)
        let logits = normals(V, seed: 4, deviation: 3)
        let target = classes / 2
        let logSum = log(logits.reduce(0) { $0 + exp($1) })
        let shares = (0..<V).map {
            ($0 == target ? 1 - smoothing : 0) + ($0 < classes ? smoothing / Double(classes) : 0)
        }
        let expected = zip(logits, shares).reduce(0) { $0 + $1.1 * (logSum - $1.0) }
        withTestMemory { memory in
            let (x, t) = (memory.numbers(logits, Float.self), memory.integers([target]))
            let (losses, best) = (memory.output(1, Float.self), memory.integers([-7]))
            crossEntropy(
                x, targets: t, labelSmoothing: Float(smoothing), among: classes, into: losses, rows: 1, vocabulary: V)
            let absolute = Float.unitRoundoff * (16 + 2 * (logits.map(abs).max() ?? 0))
            expectClose(array(losses, 1), [expected], absolute: absolute, "loss")
            predictedClass(x, into: best, rows: 1, vocabulary: V, among: classes)
            #expect(Int(best[0]) == logits[..<classes].indices.max { logits[$0] < logits[$1] })
            crossEntropyWithGradient(
                x, targets: t, labelSmoothing: Float(smoothing), among: classes, gradientScale: Float(scale),
                losses: losses, rows: 1, vocabulary: V)
            expectClose(array(losses, 1), [expected], absolute: absolute, "loss beside the gradient")
            expectClose(
                array(x, V), zip(logits, shares).map { scale * (exp($0 - logSum) - $1) },
                absolute: scale * Float.unitRoundoff * 16, relative: absolute, "gradient")
        }
    }

    private func check(_ logits: [Double], _ targets: [Int], _ labelSmoothing: Double = 0) {
        let (R, V) = (targets.count, logits.count / max(targets.count, 1))
        let expected = Reference.crossEntropy(logits, targets: targets, labelSmoothing: labelSmoothing)
        let smoothing = Float(labelSmoothing)
        // Differences of logits are rounded at the logits' magnitude; the sum of V exponentials adds a few units.
        let absolute = Float.unitRoundoff * (16 + 2 * (logits.filter(\.isFinite).map(abs).max() ?? 0))
        let scale = 0.375
        withTestMemory { memory in
            let (x, t) = (memory.numbers(logits, Float.self), memory.integers(targets))
            let losses = memory.output(R, Float.self)
            crossEntropy(x, targets: t, labelSmoothing: smoothing, into: losses, rows: R, vocabulary: V)
            expectClose(array(losses, R), expected, absolute: absolute, "crossEntropy")

            let again = memory.output(R, Float.self)
            crossEntropyWithGradient(
                x, targets: t, labelSmoothing: smoothing, gradientScale: Float(scale), losses: again, rows: R,
                vocabulary: V)
            #expect(array(again, R) == array(losses, R))
            expectClose(
                array(x, R * V),
                Reference.crossEntropyGradient(
                    logits, targets: targets, labelSmoothing: labelSmoothing, scale: scale),
                absolute: scale * Float.unitRoundoff * 16, relative: absolute, "crossEntropy gradient")
        }
    }
}
