extension Reference {
    /// Computes RMS normalization of input [R, C] with scale [C], and the reciprocal root mean square of each row.
    package static func rmsNormalization(
        _ input: [Double], scale: [Double], epsilon: Double = 1e-5
    ) -> (output: [Double], reciprocals: [Double]) {
        let columns = scale.count
        var (output, reciprocals): ([Double], [Double]) = ([], [])
        for start in stride(from: 0, to: input.count, by: columns) {
            let row = input[start..<start + columns]
            let reciprocal = 1 / (row.reduce(0) { $0 + $1 * $1 } / Double(columns) + epsilon).squareRoot()
            for column in 0..<columns { output.append(input[start + column] * reciprocal * scale[column]) }
            reciprocals.append(reciprocal)
        }
        return (output, reciprocals)
    }

    /// Returns the gradients of input and scale, using the explicit Jacobian ∂x̂ᵢ/∂xⱼ = r(δᵢⱼ − x̂ᵢx̂ⱼ/C).
    package static func rmsNormalizationBackward(
        _ input: [Double], scale: [Double], epsilon: Double = 1e-5, outputGradient: [Double]
    ) -> (input: [Double], scale: [Double]) {
        let columns = scale.count
        let ones = [Double](repeating: 1, count: columns)
        let (normalized, reciprocals) = rmsNormalization(input, scale: ones, epsilon: epsilon)
        var inputGradient = [Double](repeating: 0, count: input.count)
        var scaleGradient = [Double](repeating: 0, count: columns)
        for row in 0..<input.count / columns {
            for i in 0..<columns {
                let gradient = outputGradient[row * columns + i]
                scaleGradient[i] += gradient * normalized[row * columns + i]
                for j in 0..<columns {
                    let product = normalized[row * columns + i] * normalized[row * columns + j]
                    let jacobian = (i == j ? 1.0 : 0) - product / Double(columns)
                    inputGradient[row * columns + j] += gradient * scale[i] * reciprocals[row] * jacobian
                }
            }
        }
        return (inputGradient, scaleGradient)
    }
}
