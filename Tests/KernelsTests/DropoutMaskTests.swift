import Kernels
import TestSupport
import Tensors
import Testing

@Suite struct DropoutMaskTests {
    private func mask(
        _ rate: Float, seed: UInt64 = 1, step: UInt64 = 2, sample: UInt64 = 3, site: UInt32 = 4
    ) -> DropoutMask {
        DropoutMask(RandomStream(seed: seed, purpose: .dropout, step: step, sample: sample, layer: site), rate: rate)
    }

    /// Returns the mask's factors for `count` elements from element `first`.
    private func factors(_ mask: DropoutMask, count: Int, first: Int = 0) -> [Float] {
        withTestMemory { memory in
            let values = memory.numbers([Double](repeating: 1, count: count), Float.self)
            mask.apply(values, count: count, first: first)
            return array(values, count)
        }
    }

    @Test(arguments: [0] + oddSizes, [0.0, 0.1, 0.5, 0.99])
    func equalsTheReference(count: Int, rate: Double) {
        // Element indices around the largest 32-bit counter, and a sample and a step above 2³².
        for first in [0, 96, 32 * (1 << 29) - 32] {
            let (step, sample) = (1 << 33 + 5, UInt64(1) << 40 + 7)
            let reference = Reference.Dropout(rate: rate, seed: 1 << 35 + 1, step: step, samples: [sample])
            let mask = mask(Float(rate), seed: 1 << 35 + 1, step: UInt64(step), sample: sample)
            expectClose(
                factors(mask, count: count, first: first),
                (0..<count).map { reference.factor(sequence: 0, site: 4, element: first + $0) })
        }
    }

    /// The kept fraction is within five standard deviations of 1 − rate, and the scale preserves the expectation.
    @Test(arguments: [0.05, 0.1, 0.5, 0.9])
    func keepsTheExpectedFraction(rate: Double) {
        let count = 1 << 18
        let kept = factors(mask(Float(rate)), count: count).filter { $0 != 0 }
        let deviation = (rate * (1 - rate) / Double(count)).squareRoot()
        expectClose(Double(kept.count) / Double(count), 1 - rate, absolute: 5 * deviation)
        expectClose(kept, kept.map { _ in 1 / (1 - rate) }, relative: 2 * Float.unitRoundoff / (1 - rate))
    }

    /// Masking in ranges that start at multiples of 32 equals masking at once, as when a backward pass uses other
    /// ranges.
    @Test(arguments: [32, 64, 96, 256])
    func rangesEqualTheWhole(length: Int) {
        let whole = factors(mask(0.3), count: 1000)
        let pieces = stride(from: 0, to: 1000, by: length).flatMap {
            factors(mask(0.3), count: min(length, 1000 - $0), first: $0)
        }
        #expect(pieces == whole)
    }

    /// Kept values are multiplied by the scale, dropped ones by 0 (NaN stays NaN).
    @Test func multipliesByTheFactors() {
        let values = normals(100, seed: 1)
        let factors = factors(mask(0.3), count: 100)
        withTestMemory { memory in
            let actual = memory.numbers(values, Float.self)
            mask(0.3).apply(actual, count: 100)
            #expect(array(actual, 100) == zip(values, factors).map { Float($0) * $1 })
        }
    }

    @Test func everyIdentifierChangesTheMask() {
        let masks = [
            mask(0.5), mask(0.5, seed: 9), mask(0.5, step: 9), mask(0.5, sample: 9), mask(0.5, site: 9),
        ].map { factors($0, count: 256) }
        for (index, one) in masks.enumerated() {
            for other in masks[..<index] {
                let agreeing = zip(one, other).count { $0 == $1 }
                // The number of equal factors among 256 is binomial: 128 ± 5 standard deviations of 8.
                #expect(abs(agreeing - 128) <= 40)
            }
        }
    }
}
