/// The sums from which regression scores are computed: counts, means and centred sums of predictions and targets.
///
/// Floating-point sums depend on the order of summation. For the same bits with any number of ranks, compute the sums
/// of each batch separately and merge the batches in order. The sums are centred, so values far from zero do not lose
/// precision.
///
/// - Source: Chan, Golub & LeVeque 1983, "Algorithms for Computing the Sample Variance", eq. 2.1.
package struct RegressionSums: Equatable, Sendable {
    /// The sums in the form that ranks exchange: the number of samples, the means of predictions and targets, the sums
    /// of squared deviations of both and of the product of deviations, and the sum of squared errors.
    package var values: [Double]

    /// The sums of an empty set of samples.
    package init() { values = Array(repeating: 0, count: 7) }

    /// The sums of one sample.
    package init(prediction: Double, target: Double) {
        values = [1, prediction, target, 0, 0, 0, (prediction - target) * (prediction - target)]
    }

    /// Adds the sums of the samples that follow in order.
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

    /// The mean of (prediction − target)²; NaN if there are no samples.
    package var meanSquaredError: Double { values[6] / values[0] }

    /// Pearson's correlation coefficient r, −1 to 1; NaN if all predictions or all targets are equal.
    package var correlation: Double {
        // Two square roots, because the product of the squared deviations may overflow a Double.
        let r = values[5] / (values[3].squareRoot() * values[4].squareRoot())
        return r.isNaN ? r : min(1, max(-1, r))
    }
}
