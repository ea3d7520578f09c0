import Tensors

/// A keyed permutation of 0..<count that is evaluated at single indices in O(1) memory.
///
/// A balanced Feistel network permutes the smallest power of four that is at least `count`. An image outside 0..<count
/// is permuted again until it is inside (cycle walking), on average fewer than four times.
///
/// - Source: Black & Rogaway 2002, "Ciphers with arbitrary finite domains", section 4; the round function is Philox.
package struct Permutation: Sendable {
    /// The number of permuted integers.
    package let count: Int
    private let stream: RandomStream
    private let halfBits: UInt64
    private let mask: UInt64

    /// Luby and Rackoff prove four rounds for large halves; small halves need more rounds for even mixing.
    private static let rounds: UInt64 = 8

    /// The permutation of 0..<count for one epoch; `count` must be positive.
    package init(count: Int, seed: UInt64, epoch: UInt64, purpose: RandomPurpose = .shuffling) {
        precondition(count > 0, "nothing to permute")
        let bits = UInt64(Int.bitWidth - (count - 1).leadingZeroBitCount)
        self.count = count
        stream = RandomStream(seed: seed, purpose: purpose, step: epoch)
        halfBits = max(1, (bits + 1) / 2)
        mask = 1 << halfBits - 1
    }

    /// The image of `index`, which must be in 0..<count.
    package subscript(index: Int) -> Int {
        precondition(index >= 0 && index < count, "index outside the permutation")
        var image = UInt64(index)
        repeat { image = permuted(image) } while image >= UInt64(count)
        return Int(image)
    }

    /// The Feistel network over 2 · halfBits bits.
    private func permuted(_ value: UInt64) -> UInt64 {
        var left = value >> halfBits
        var right = value & mask
        for round in 0..<Permutation.rounds {
            // halfBits ≤ 32: the counter encodes the round and the half.
            let word = UInt64(stream.words(round << 32 | right).x)
            (left, right) = (right, left ^ (word & mask))
        }
        return left << halfBits | right
    }
}
