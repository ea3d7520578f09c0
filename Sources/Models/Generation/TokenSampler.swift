import Glibc
import Tensors

/// Chooses the next token from logits.
package struct TokenSampler: Sendable {
    /// What logits are divided by; 0 always takes the likeliest token.
    package var temperature: Double
    /// Only the K likeliest tokens are considered; 0 considers all.
    package var topK: Int
    /// Only the likeliest tokens that together have this probability are considered; 1 considers all.
    ///
    /// - Source: Holtzman et al. 2020, arXiv:1904.09751 (nucleus sampling).
    package var topP: Double
    private let seed: UInt64

    /// A sampler whose choices are a function of `seed`, of the number of the text, and of the place in it.
    package init(temperature: Double, topK: Int, topP: Double, seed: UInt64) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.seed = seed
    }

    /// The token at place `index` of text `text`, drawn from `logits`, [V]. Equal logits are taken in the order of tokens.
    ///
    /// - Complexity: O(V); O(V + N log N) where N of the tokens may belong to the nucleus.
    package func choose(_ logits: UnsafeBufferPointer<Float>, at index: Int, of text: Int = 0) -> Int32 {
        let best = logits.indices.max { logits[$0] < logits[$1] || (logits[$0] == logits[$1] && $0 > $1) }!
        if temperature == 0 { return Int32(best) }
        let highest = Double(logits[best])
        func weight(_ token: Int) -> Double { exp((Double(logits[token]) - highest) / temperature) }
        var ranked = Array(logits.indices)
        // Of what the nucleus is the likeliest part.
        var total = 0.0
        if topK > 0 && topK < logits.count {
            ranked = likeliest(topK, logits).map(\.token)
            total = ranked.reduce(0) { $0 + weight($1) }
        } else if topP < 1 {
            total = ranked.reduce(0) { $0 + weight($1) }
            // Tokens that are all less likely than this have less than 1 − P together: the nucleus is without them.
            let least = (1 - topP) * total / Double(logits.count) * (1 - 1e-9)
            ranked = ranked.filter { weight($0) >= least }
            ranked.sort { logits[$0] > logits[$1] || (logits[$0] == logits[$1] && $0 < $1) }
        }
        var weights = ranked.map(weight)
        if topP < 1 {
            var cumulative = 0.0
            // The token that crosses the border belongs to the nucleus, so it is never empty.
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
        // Rounding may leave a rest; a token without any probability is not chosen for it.
        return Int32(weights.lastIndex { $0 > 0 }.map { ranked[$0] } ?? best)
    }
}

/// The `count` largest of `values`, the largest first, and of equal ones the first of them first.
///
/// - Complexity: O(n) where few are among the largest so far, at worst O(n · count).
func likeliest(_ count: Int, _ values: UnsafeBufferPointer<Float>) -> [(token: Int, value: Float)] {
    var found: [(token: Int, value: Float)] = []
    found.reserveCapacity(count + 1)
    var least = -Float.infinity
    for (token, value) in values.enumerated() {
        // One that equals the last one stands behind it.
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
