import Glibc

extension Reference {
    /// Returns the cross-entropy of each row of logits [R, V] with label smoothing; a target of −1 is ignored.
    package static func crossEntropy(
        _ logits: [Double], targets: [Int], labelSmoothing: Double = 0
    ) -> [Double] {
        let vocabulary = logits.count / max(targets.count, 1)
        return targets.enumerated().map { row, target in
            if target < 0 { return 0 }
            let values = Array(logits[row * vocabulary..<(row + 1) * vocabulary])
            let logSum = logSumOfExponentials(values)
            return smoothed(target, labelSmoothing, vocabulary).enumerated().reduce(0) {
                $1.element == 0 ? $0 : $0 + $1.element * (logSum - values[$1.offset])
            }
        }
    }

    /// Returns the gradient of `scale` · Σ losses with respect to the logits.
    package static func crossEntropyGradient(
        _ logits: [Double], targets: [Int], labelSmoothing: Double = 0, scale: Double
    ) -> [Double] {
        let vocabulary = logits.count / max(targets.count, 1)
        return targets.enumerated().flatMap { row, target -> [Double] in
            if target < 0 { return [Double](repeating: 0, count: vocabulary) }
            let probabilities = softmax(Array(logits[row * vocabulary..<(row + 1) * vocabulary]))
            return zip(probabilities, smoothed(target, labelSmoothing, vocabulary)).map { scale * ($0 - $1) }
        }
    }

    /// Returns the target probabilities with label smoothing.
    private static func smoothed(_ target: Int, _ labelSmoothing: Double, _ classes: Int) -> [Double] {
        (0..<classes).map { ($0 == target ? 1 - labelSmoothing : 0) + labelSmoothing / Double(classes) }
    }

    /// Returns the binary cross-entropy of each row of `labels` logits; a target of −1 is ignored.
    package static func binaryCrossEntropy(_ logits: [Double], targets: [Double], labels: Int) -> [Double] {
        sumsOfRows(labels, zip(logits, targets)) { x, t in
            t == -1 ? 0 : t * softplus(-x) + (1 - t) * softplus(x)
        }
    }

    /// Returns the gradient of `scale` · Σ losses with respect to the logits.
    package static func binaryCrossEntropyGradient(_ logits: [Double], targets: [Double], scale: Double) -> [Double] {
        zip(logits, targets).map { $1 == -1 ? 0 : scale * (logistic($0) - $1) }
    }

    /// Returns the squared error of each row of `width` outputs; a NaN target is ignored.
    package static func squaredError(_ outputs: [Double], targets: [Double], width: Int) -> [Double] {
        sumsOfRows(width, zip(outputs, targets)) { $1.isNaN ? 0 : ($0 - $1) * ($0 - $1) }
    }

    /// Returns the gradient of `scale` · Σ losses with respect to the outputs.
    package static func squaredErrorGradient(_ outputs: [Double], targets: [Double], scale: Double) -> [Double] {
        zip(outputs, targets).map { $1.isNaN ? 0 : scale * 2 * ($0 - $1) }
    }

    /// Returns log(1 + e^x).
    private static func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }

    private static func sumsOfRows(
        _ width: Int, _ pairs: Zip2Sequence<[Double], [Double]>, _ loss: (Double, Double) -> Double
    ) -> [Double] {
        let losses = pairs.map { loss($0, $1) }
        return stride(from: 0, to: losses.count, by: width).map { losses[$0..<$0 + width].reduce(0, +) }
    }
}
