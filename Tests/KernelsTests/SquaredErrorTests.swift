import Kernels
import TestSupport
import Testing

// R rows, K outputs.

@Suite struct SquaredErrorTests {
    @Test(arguments: oddSizes, [0, 1, 6])
    func equalsTheReference(outputs: Int, rows: Int) {
        let (R, K) = (rows, outputs)
        let values = normals(R * K, seed: 1, deviation: 3)
        let targets = normals(R * K, seed: 2, deviation: 3).enumerated().map { $0 % 7 == 3 ? .nan : $1 }
        let scale = 0.375
        withTestMemory { memory in
            let (y, t) = (memory.numbers(values, Float.self), memory.numbers(targets, Float.self))
            let (losses, again) = (memory.output(R, Float.self), memory.output(R, Float.self))
            squaredError(y, targets: t, into: losses, rows: R, outputs: K)
            expectClose(
                array(losses, R), Reference.squaredError(values, targets: targets, width: K),
                relative: Double(8 + K / 16) * Float.unitRoundoff, "squaredError")
            squaredErrorWithGradient(y, targets: t, gradientScale: Float(scale), losses: again, rows: R, outputs: K)
            #expect(array(again, R) == array(losses, R))
            expectClose(
                array(y, R * K), Reference.squaredErrorGradient(values, targets: targets, scale: scale),
                relative: 4 * Float.unitRoundoff, "squaredError gradient")
        }
    }

    /// A NaN output makes the loss of its row NaN and no other, unless its target is ignored.
    @Test func nanReachesTheLoss() {
        var (values, targets) = (normals(3 * 20, seed: 1), normals(3 * 20, seed: 2))
        (values[3], values[39], targets[3]) = (.nan, .nan, .nan)
        withTestMemory { memory in
            let (y, t) = (memory.numbers(values, Float.self), memory.numbers(targets, Float.self))
            let losses = memory.output(3, Float.self)
            squaredErrorWithGradient(y, targets: t, gradientScale: 1, losses: losses, rows: 3, outputs: 20)
            #expect(array(losses, 3).map(\.isNaN) == [false, true, false])
            #expect(array(y, 60).indices.filter { y[$0].isNaN } == [39] && y[3] == 0)
        }
    }
}
