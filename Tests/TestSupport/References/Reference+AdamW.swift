import Glibc

extension Reference {
    /// The weights and both moments of AdamW.
    package struct AdamW {
        package var weights: [Double]
        package var firstMoments: [Double]
        package var secondMoments: [Double]
        package var betas = (0.9, 0.95)
        package var epsilon = 1e-8

        /// The state before the first step.
        package init(weights: [Double]) {
            self.weights = weights
            firstMoments = weights.map { _ in 0 }
            secondMoments = weights.map { _ in 0 }
        }

        /// Performs step number `step`, counted from 1, with gradients that are first scaled, then clipped by value.
        package mutating func update(
            step: Int, gradients: [Double], learningRate: Double, weightDecay: Double, gradientScale: Double = 1,
            gradientLimit: Double = .infinity
        ) {
            for i in weights.indices {
                let gradient = max(-gradientLimit, min(gradientLimit, gradients[i] * gradientScale))
                firstMoments[i] = betas.0 * firstMoments[i] + (1 - betas.0) * gradient
                secondMoments[i] = betas.1 * secondMoments[i] + (1 - betas.1) * gradient * gradient
                let first = firstMoments[i] / (1 - pow(betas.0, Double(step)))
                let second = secondMoments[i] / (1 - pow(betas.1, Double(step)))
                weights[i] -= learningRate * weightDecay * weights[i]
                weights[i] -= learningRate * first / (second.squareRoot() + epsilon)
            }
        }
    }
}
