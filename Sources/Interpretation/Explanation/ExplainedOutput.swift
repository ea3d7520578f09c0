import Glibc
import Kernels
import Layers
import Models
import Objectives

/// The function of a model's outputs that is explained.
struct ExplainedOutput {
    /// The kind of the outputs.
    let kind: Loss.TargetKind
    /// The index of the output that is explained.
    let output: Int
    /// The number of outputs, from the first on, that represent a class or a token.
    let classes: Int

    /// The value for `logits`: the log-probability of a class or token, the logit of a label, or the number.
    func value(_ logits: UnsafePointer<Float>) -> Double {
        guard kind == .classIndex else { return Double(logits[output]) }
        return logProbability(of: output, logits, count: classes)
    }

    /// Replaces `logits`, [`count`], by the gradient of the value.
    func gradient(_ logits: UnsafeMutablePointer<Float>, count: Int) {
        switch kind {
        case .classIndex:
            let sum = logSumOfExponentials(logits, count: classes)
            for index in 0..<count {
                logits[index] = index < classes ? Float(-exp(Double(logits[index]) - sum)) : 0
            }
        case .labels, .numbers: logits.update(repeating: 0, count: count)
        }
        logits[output] += 1
    }
}
