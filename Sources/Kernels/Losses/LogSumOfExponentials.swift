import Glibc

/// The natural logarithm of Σ e^logit over `count` logits, in Float64.
///
/// The largest logit is subtracted before the exponentials, so that they cannot overflow. -∞ means a probability of 0.
///
/// - Parameter logits: Shape [count], not empty.
package func logSumOfExponentials(_ logits: UnsafePointer<Float>, count: Int) -> Double {
    var highest = -Double.infinity
    for index in 0..<count { highest = max(highest, Double(logits[index])) }
    var sum = 0.0
    for index in 0..<count { sum += exp(Double(logits[index]) - highest) }
    return highest + log(sum)
}

/// The natural logarithm of the probability of class `target`, given the logits of all, in Float64.
///
/// - Parameter logits: Shape [count].
package func logProbability(of target: Int, _ logits: UnsafePointer<Float>, count: Int) -> Double {
    Double(logits[target]) - logSumOfExponentials(logits, count: count)
}
