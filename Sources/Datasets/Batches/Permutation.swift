import Tensors

/// A keyed permutation of 0..<count that is computed where it is asked, in O(1) memory.
///
/// A balanced Feistel network permutes the smallest even power of two that holds `count`; an image outside is
/// permuted again until it falls inside (cycle walking), which takes fewer than four walks on average.
///
/// - Source: Black & Rogaway 2002, "Ciphers with arbitrary finite domains", section 4; the round function is Philox.
package struct Permutation: Sendable {
    /// How many numbers are permuted.
    package let count: Int
    private let stream: RandomStream
    private let halfBits: UInt64
    private let mask: UInt64

    /// Luby and Rackoff need four for large halves; small ones are mixed evenly only by more.
    private static let rounds: UInt64 = 8

    /// The permutation of 0..<count, count > 0, in one epoch.
    package init(count: Int, seed: UInt64, epoch: UInt64, purpose: RandomPurpose = .shuffling) {
        precondition(count > 0, "nothing to permute")
        let bits = UInt64(Int.bitWidth - (count - 1).leadingZeroBitCount)
        self.count = count
        stream = RandomStream(seed: seed, purpose: purpose, step: epoch)
        halfBits = max(1, (bits + 1) / 2)
        mask = 1 << halfBits - 1
    }

    /// Where `index`, in 0..<count, goes.
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
            // halfBits ≤ 32: the counter names the round and the half.
            let word = UInt64(stream.words(round << 32 | right).x)
            (left, right) = (right, left ^ (word & mask))
        }
        return left << halfBits | right
    }
}
