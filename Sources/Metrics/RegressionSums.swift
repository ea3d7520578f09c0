/// What the scores of a regression have to know: counts, means and centred sums of predictions and targets.
///
/// Sums of real numbers depend on their order. For the same bits with any number of ranks, sum each batch by itself and
/// merge the batches in their order. The sums are centred, so that numbers far from zero lose no digits.
///
/// - Source: Chan, Golub & LeVeque 1983, "Algorithms for Computing the Sample Variance", eq. 2.1.
package struct RegressionSums: Equatable, Sendable {
    /// The sums as numbers that ranks can exchange: samples, the means of predictions and targets, the sums of squared
    /// deviations of both and of their products, and the sum of squared errors.
    package var values: [Double]

    /// The sums of no samples.
    package init() { values = Array(repeating: 0, count: 7) }

    /// The sums of one sample.
    package init(prediction: Double, target: Double) {
        values = [1, prediction, target, 0, 0, 0, (prediction - target) * (prediction - target)]
    }

    /// Adds the sums of the samples that follow.
    package static func += (left: inout Self, right: Self) {
        let (leftCount, rightCount) = (left.values[0], right.values[0])
        guard leftCount > 0, rightCount > 0 else {
            if rightCount > 0 { left = right }
            return
        }
        let count = leftCount + rightCount
        let prediction = right.values[1] - left.values[1]
        let target = right.values[2] - left.values[2]
        let weight = leftCount * rightCount / count
        left.values[0] = count
        left.values[1] += prediction * rightCount / count
        left.values[2] += target * rightCount / count
        left.values[3] += right.values[3] + prediction * prediction * weight
        left.values[4] += right.values[4] + target * target * weight
        left.values[5] += right.values[5] + prediction * target * weight
        left.values[6] += right.values[6]
    }

    /// The number of samples.
    package var sampleCount: Int { Int(values[0]) }

    /// The mean of (prediction − target)²; not a number where there are no samples.
    package var meanSquaredError: Double { values[6] / values[0] }

    /// Pearson's correlation r, −1 to 1; not a number where predictions or targets are all the same.
    package var correlation: Double {
        // Two roots: the product of the squares may leave the range of a Double.
        let r = values[5] / (values[3].squareRoot() * values[4].squareRoot())
        return r.isNaN ? r : min(1, max(-1, r))
    }
}
