import Kernels
import TestSupport
import Testing

@Suite struct DropoutTests {
    @Test func rateZeroDropsNothing() {
        let samples: [UInt64] = [1]
        samples.withUnsafeBufferPointer { #expect(Dropout(rate: 0, seed: 1, step: 1, samples: $0.baseAddress!) == nil) }
    }

    /// The mask depends on the global sample index, not on the position in the batch, so every rank computes the same
    /// one.
    @Test func dependsOnTheSampleIndex() {
        let count = 45
        func dropped(_ samples: [UInt64]) -> [Float] {
            withTestMemory { memory in
                let values = memory.numbers([Double](repeating: 1, count: samples.count * count), Float.self)
                samples.withUnsafeBufferPointer {
                    let dropout = Dropout(rate: 0.5, seed: 3, step: 4, samples: $0.baseAddress!)!
                    dropout.apply(values, sequences: samples.count, elements: count, site: 5)
                }
                return array(values, samples.count * count)
            }
        }
        let both = dropped([70, 90])
        #expect(Array(both[..<count]) == dropped([70]) && Array(both[count...]) == dropped([90]))
        #expect(dropped([90, 70]) == Array(both[count...] + both[..<count]))
        let reference = Reference.Dropout(rate: 0.5, seed: 3, step: 4, samples: [70, 90])
        expectClose(both, reference.applied(to: [Double](repeating: 1, count: 2 * count), site: 5))
    }
}
