import Kernels

/// A few updates of a few weights, used to find out which keys of a configuration affect an optimizer.
package enum OptimizerTrial {
    /// Returns the bits of weights and states after three updates; they are equal for equivalent configurations.
    ///
    /// - Complexity: O(1); a few microseconds.
    package static func bits(_ configuration: OptimizerConfiguration) -> [UInt32] {
        let optimizer = makeOptimizer(configuration)
        let gradients: [[Float]] = [[0.5, -0.25, 0.125, 1], [0.25, 0.5, -1, 0.75], [-0.5, 0.125, 0.25, -0.375]]
        let count = gradients[0].count
        // The weights, followed by each state.
        var numbers = [Float](repeating: 0, count: count * (1 + optimizer.stateNames.count))
        for index in 0..<count { numbers[index] = Float(index) - 1.75 }
        numbers.withUnsafeMutableBufferPointer { numbers in
            guard let base = numbers.baseAddress else { return }
            let states = optimizer.stateNames.indices.map { base + (1 + $0) * count }
            for (index, gradient) in gradients.enumerated() {
                optimizer.update(
                    UpdateMemory(weights: base, states: states, gradients: gradient, count: count),
                    OptimizerStep(number: index + 1, learningRate: 0.01))
            }
        }
        return numbers.map(\.bitPattern)
    }
}
