import Kernels
import TestSupport
import Testing

// R rows, K labels.

@Suite struct BinaryCrossEntropyTests {
    @Test(arguments: oddSizes, [0, 1, 6])
    func equalsTheReference(labels: Int, rows: Int) {
        let count = rows * labels
        let kinds = integers(count, below: 4, seed: 2)
        let shares = integers(count, below: 1025, seed: 3).map { Double($0) / 1024 }
        let targets = kinds.indices.map { [0, 1, -1, shares[$0]][kinds[$0]] }
        check(normals(count, seed: 1, deviation: 4), targets, labels)
    }

    /// Tests both terms of the loss separately, for logits of large magnitude and near zero.
    @Test(arguments: [0, 1, 0.5, -1])
    func handlesExtremes(target: Double) {
        let logits = [0, -0.0, 1e-30, -1e-30, 17, -17, 50, -50, 87, -87, 90, -90, 1e4, -1e4, 1e30, -1e30]
        check(logits.map { Double(Float($0)) }, [Double](repeating: target, count: logits.count), 1)
    }

    /// A NaN logit makes the loss of its row NaN and no other, unless its target is ignored.
    @Test func nanReachesTheLoss() {
        var (logits, targets) = (normals(3 * 20, seed: 1), [Double](repeating: 1, count: 60))
        (logits[3], logits[39], targets[3]) = (.nan, .nan, -1)
        withTestMemory { memory in
            let (x, t) = (memory.numbers(logits, Float.self), memory.numbers(targets, Float.self))
            let losses = memory.output(3, Float.self)
            binaryCrossEntropy(x, targets: t, into: losses, rows: 3, labels: 20)
            #expect(array(losses, 3).map(\.isNaN) == [false, true, false])
            binaryCrossEntropyWithGradient(x, targets: t, gradientScale: 1, losses: losses, rows: 3, labels: 20)
            #expect(array(losses, 3).map(\.isNaN) == [false, true, false])
            #expect(array(x, 60).indices.filter { x[$0].isNaN } == [39] && x[3] == 0)
        }
    }

    private func check(_ logits: [Double], _ targets: [Double], _ K: Int) {
        let R = logits.count / K
        let scale = 0.375
        withTestMemory { memory in
            let (x, t) = (memory.numbers(logits, Float.self), memory.numbers(targets, Float.self))
            let losses = memory.output(R, Float.self)
            binaryCrossEntropy(x, targets: t, into: losses, rows: R, labels: K)
            // A sum of K positive terms; in each, x − x·t loses its last digits. Losses below e⁻⁸⁷ are 0.
            expectClose(
                array(losses, R), Reference.binaryCrossEntropy(logits, targets: targets, labels: K),
                absolute: 0x1p-120, relative: Double(16 + K / 16) * Float.unitRoundoff, "binaryCrossEntropy")

            let again = memory.output(R, Float.self)
            binaryCrossEntropyWithGradient(
                x, targets: t, gradientScale: Float(scale), losses: again, rows: R, labels: K)
            #expect(array(again, R) == array(losses, R))
            expectClose(
                array(x, R * K), Reference.binaryCrossEntropyGradient(logits, targets: targets, scale: scale),
                absolute: scale * 4 * Float.unitRoundoff, "binaryCrossEntropy gradient")
        }
    }
}
