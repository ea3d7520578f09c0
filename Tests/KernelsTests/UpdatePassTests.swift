import Kernels
import Numbers
import Tensors
import TestSupport
import Testing

/// What every optimizer's pass does besides its rule.
@Suite struct UpdatePassTests {
    private let step = AdamWStep(
        step: 2, learningRate: 0.01, betas: (0.9, 0.95), epsilon: 1e-8, weightDecay: 0.1, gradientScale: 1,
        gradientLimit: .infinity)

    /// The checksums are those of the memory before and after the update.
    @Test func checksumsAreThoseOfMemory() {
        for count in [0] + oddSizes {
            check(Float16.self, count)
            check(BFloat16.self, count)
        }
    }

    private func check<Element: Storage>(_: Element.Type, _ count: Int) {
        withTestMemory { memory in
            let weights = memory.numbers(normals(count, seed: 1), Float.self)
            let states = [2, 3].map { memory.numbers(normals(count, seed: $0).map { $0 * $0 }, Float.self) }
            let working = memory.numbers(normals(count, seed: 4), Element.self)
            let gradients = UnsafePointer(memory.numbers(normals(count, seed: 5), Element.self))
            func values() -> [UInt64] {
                ([weights] + states).map { MemoryChecksum($0, count: count).value }
                    + [MemoryChecksum(working, count: count).value]
            }
            let before = values()
            let changes = adamW(
                UpdateMemory(weights: weights, working: working, states: states, gradients: gradients, count: count),
                step)
            let all = [changes.weights, changes.states.0, changes.states.1, changes.working]
            #expect(all.map(\.before.value) == before)
            #expect(all.map(\.after.value) == values())
            for index in 0..<count { #expect(working[index] == Element(weights[index])) }
        }
    }

    /// Without working weights, the update is the same.
    @Test func workingWeightsAreOptional() {
        let count = 100
        withTestMemory { memory in
            func updated(_ working: UnsafeMutablePointer<Float16>?) -> [Float] {
                let weights = memory.numbers(normals(count, seed: 1), Float.self)
                let states = [0, 1].map { _ in memory.numbers([Double](repeating: 0, count: count), Float.self) }
                adamW(
                    UpdateMemory(
                        weights: weights, working: working, states: states,
                        gradients: UnsafePointer(memory.numbers(normals(count, seed: 5), Float16.self)), count: count),
                    step)
                return array(weights, count)
            }
            #expect(updated(nil) == updated(memory.numbers([Double](repeating: 0, count: count), Float16.self)))
        }
    }
}
