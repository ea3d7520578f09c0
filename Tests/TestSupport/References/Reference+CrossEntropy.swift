extension Reference {
    /// The cross-entropy of each row of logits [R, V]; a target of −1 does not count.
    package static func crossEntropy(_ logits: [Double], targets: [Int]) -> [Double] {
        let vocabulary = logits.count / max(targets.count, 1)
        return targets.enumerated().map { row, target in
            if target < 0 { return 0 }
            let values = Array(logits[row * vocabulary..<(row + 1) * vocabulary])
            return logSumOfExponentials(values) - values[target]
        }
    }

    /// The gradient of `scale` · Σ losses by the logits.
    package static func crossEntropyGradient(_ logits: [Double], targets: [Int], scale: Double) -> [Double] {
        let vocabulary = logits.count / max(targets.count, 1)
        return targets.enumerated().flatMap { row, target -> [Double] in
            if target < 0 { return [Double](repeating: 0, count: vocabulary) }
            let probabilities = softmax(Array(logits[row * vocabulary..<(row + 1) * vocabulary]))
            return probabilities.enumerated().map { scale * ($1 - ($0 == target ? 1 : 0)) }
        }
    }
}
