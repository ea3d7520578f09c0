extension Reference {
    /// The outputs of layer normalization, including the statistics for its backward pass.
    package struct LayerNormalization {
        package var output: [Double] = []
        package var means: [Double] = []
        package var reciprocals: [Double] = []
    }

    /// Computes layer normalization of input [R, C] with scale and shift [C].
    package static func layerNormalization(
        _ input: [Double], scale: [Double], shift: [Double]?, epsilon: Double = 1e-5
    ) -> LayerNormalization {
        let columns = scale.count
        var result = LayerNormalization()
        for start in stride(from: 0, to: input.count, by: columns) {
            let row = input[start..<start + columns]
            let mean = row.reduce(0, +) / Double(columns)
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
            let reciprocal = 1 / (variance + epsilon).squareRoot()
            for column in 0..<columns {
                let normalized = (input[start + column] - mean) * reciprocal
                result.output.append(normalized * scale[column] + (shift?[column] ?? 0))
            }
            result.means.append(mean)
            result.reciprocals.append(reciprocal)
        }
        return result
    }

    /// Returns the gradients of input, scale and shift, using the explicit Jacobian ∂x̂ᵢ/∂xⱼ = r(δᵢⱼ − 1/C − x̂ᵢx̂ⱼ/C).
    package static func layerNormalizationBackward(
        _ input: [Double], scale: [Double], epsilon: Double = 1e-5, outputGradient: [Double]
    ) -> (input: [Double], scale: [Double], shift: [Double]) {
        let columns = scale.count
        let ones = [Double](repeating: 1, count: columns)
        let forward = layerNormalization(input, scale: ones, shift: nil, epsilon: epsilon)
        var inputGradient = [Double](repeating: 0, count: input.count)
        var scaleGradient = [Double](repeating: 0, count: columns)
        var shiftGradient = [Double](repeating: 0, count: columns)
        for row in 0..<input.count / columns {
            for i in 0..<columns {
                let (normalized, gradient) = (forward.output[row * columns + i], outputGradient[row * columns + i])
                scaleGradient[i] += gradient * normalized
                shiftGradient[i] += gradient
                for j in 0..<columns {
                    let other = forward.output[row * columns + j]
                    let jacobian = (i == j ? 1.0 : 0) - (1 + normalized * other) / Double(columns)
                    inputGradient[row * columns + j] += gradient * scale[i] * forward.reciprocals[row] * jacobian
                }
            }
        }
        return (inputGradient, scaleGradient, shiftGradient)
    }
}
