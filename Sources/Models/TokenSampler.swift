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
    private let stream: RandomStream

    /// A sampler whose choices are a function of `seed` and of the place in the text.
    package init(temperature: Double, topK: Int, topP: Double, seed: UInt64) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        stream = RandomStream(seed: seed, purpose: .generation)
    }

    /// The token at place `index`, drawn from `logits`, [V]. Equal logits are taken in the order of tokens.
    ///
    /// - Complexity: O(V log V), or O(V) at temperature 0.
    package func choose(_ logits: UnsafeBufferPointer<Float>, at index: Int) -> Int32 {
        let best = logits.indices.max { logits[$0] < logits[$1] || (logits[$0] == logits[$1] && $0 > $1) }!
        if temperature == 0 { return Int32(best) }
        var ranked = Array(logits.indices)
        if topK > 0 || topP < 1 {
            ranked.sort { logits[$0] > logits[$1] || (logits[$0] == logits[$1] && $0 < $1) }
            if topK > 0 { ranked = Array(ranked.prefix(topK)) }
        }
        let highest = Double(logits[best])
        var weights = ranked.map { exp((Double(logits[$0]) - highest) / temperature) }
        if topP < 1 {
            let total = weights.reduce(0, +)
            var cumulative = 0.0
            // The token that crosses the border belongs to the nucleus, so it is never empty.
            let last = weights.firstIndex {
                cumulative += $0
                return cumulative >= topP * total
            }
            if let last { weights.removeSubrange((last + 1)...) }
        }
        var rest = stream.uniform(UInt64(index)) * weights.reduce(0, +)
        for (token, weight) in zip(ranked, weights) {
            rest -= weight
            if rest < 0 { return Int32(token) }
        }
        return Int32(ranked[weights.count - 1])
    }
}
