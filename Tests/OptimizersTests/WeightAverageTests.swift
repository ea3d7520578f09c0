import Optimizers
import TestSupport
import Testing

@Suite struct WeightAverageTests {
    /// Compares the average with the bias-corrected definition in Float64.
    @Test(arguments: [0.5, 0.9, 0.999])
    func equalsTheBiasCorrectedAverage(decay: Double) {
        let (average, count, updates) = (WeightAverage(decay: decay), 37, 12)
        withTestMemory { memory in
            let kept = memory.numbers([Double](repeating: 7, count: count), Float.self)
            var expected = [Double](repeating: 0, count: count)
            for number in 1...updates {
                let weights = normals(count, seed: UInt64(number))
                expected = zip(expected, weights).map { decay * $0 + (1 - decay) * $1 }
                average.update(
                    kept, with: UnsafePointer(memory.numbers(weights, Float.self)), count: count, number: number)
                let correction = (1...number).reduce(1.0) { product, _ in product * decay }
                // One rounding per update, of values up to 4.
                expectClose(
                    array(kept, count), expected.map { $0 / (1 - correction) },
                    absolute: Double(number + 1) * 4 * Float.unitRoundoff, "update \(number)")
            }
        }
    }

    /// The average of constant weights equals them bit for bit.
    @Test func averageOfConstantsIsExact() {
        withTestMemory { memory in
            let weights = memory.numbers(normals(101, seed: 1), Float.self)
            let kept = memory.numbers([Double](repeating: 0, count: 101), Float.self)
            for number in 1...50 {
                WeightAverage(decay: 0.9).update(kept, with: UnsafePointer(weights), count: 101, number: number)
            }
            #expect(array(kept, 101) == array(weights, 101))
        }
    }
}
