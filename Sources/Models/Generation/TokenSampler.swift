import Glibc
import Tensors

/// Samples the next token from logits.
package struct TokenSampler: Sendable {
    /// The divisor of the logits; 0 always chooses the most probable token.
    package var temperature: Double
    /// Samples from the K most probable tokens only; 0: from all.
    package var topK: Int
    /// Samples from the smallest set of most probable tokens whose probabilities sum to at least this; 1: from all.
    ///
    /// - Source: Holtzman et al. 2020, arXiv:1904.09751 (nucleus sampling).
    package var topP: Double
    private let seed: UInt64

    /// A sampler whose choices depend only on `seed`, the number of the text, and the position in it.
    package init(temperature: Double, topK: Int, topP: Double, seed: UInt64) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.seed = seed
    }

    /// Samples the token at position `index` of text number `text` from `logits`, [V]. Ties are broken by the order of
    /// tokens.
    ///
    /// - Complexity: O(V); O(V + N log N) if the nucleus is taken from N candidate tokens.
    package func choose(_ logits: UnsafeBufferPointer<Float>, at index: Int, of text: Int = 0) -> Int32 {
        let best = logits.indices.max { logits[$0] < logits[$1] || (logits[$0] == logits[$1] && $0 > $1) }!
        if temperature == 0 { return Int32(best) }
        let highest = Double(logits[best])
        func weight(_ token: Int) -> Double { exp((Double(logits[token]) - highest) / temperature) }
        var ranked = Array(logits.indices)
        // The sum of the weights relative to which the nucleus is measured.
        var total = 0.0
        if topK > 0 && topK < logits.count {
            ranked = likeliest(topK, logits).map(\.token)
            total = ranked.reduce(0) { $0 + weight($1) }
        } else if topP < 1 {
            total = ranked.reduce(0) { $0 + weight($1) }
            // The tokens that are less probable than this sum to less than 1 − P: none of them is in the nucleus.
            let least = (1 - topP) * total / Double(logits.count) * (1 - 1e-9)
            ranked = ranked.filter { weight($0) >= least }
            ranked.sort { logits[$0] > logits[$1] || (logits[$0] == logits[$1] && $0 < $1) }
        }
        var weights = ranked.map(weight)
        if topP < 1 {
            var cumulative = 0.0
            // The token that reaches the threshold belongs to the nucleus, so it is never empty.
            let last = weights.firstIndex {
                cumulative += $0
                return cumulative >= topP * total
            }
            if let last { weights.removeSubrange((last + 1)...) }
        }
        let stream = RandomStream(seed: seed, purpose: .generation, sample: UInt64(text))
        var rest = stream.uniform(UInt64(index)) * weights.reduce(0, +)
        for (token, weight) in zip(ranked, weights) {
            rest -= weight
            if rest < 0 { return Int32(token) }
        }
        // Rounding may leave a remainder; a token of probability 0 is not chosen for it.
        return Int32(weights.lastIndex { $0 > 0 }.map { ranked[$0] } ?? best)
    }
}

/// Returns the `count` largest of `values` in descending order; ties in the order of their indices.
///
/// - Complexity: O(n) if few values enter the list; O(n · count) at worst.
func likeliest(_ count: Int, _ values: UnsafeBufferPointer<Float>) -> [(token: Int, value: Float)] {
    var found: [(token: Int, value: Float)] = []
    found.reserveCapacity(count + 1)
    var least = -Float.infinity
    for (token, value) in values.enumerated() {
        // A value equal to the last one comes after it.
        if found.count == count, !(value > least) { continue }
        var (low, high) = (0, found.count)
        while low < high {
            let middle = (low + high) / 2
            if found[middle].value >= value { low = middle + 1 } else { high = middle }
        }
        found.insert((token, value), at: low)
        if found.count > count { found.removeLast() }
        if found.count == count { least = found[count - 1].value }
    }
    return found
}
