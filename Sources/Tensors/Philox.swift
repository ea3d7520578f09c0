/// Philox4x32-10, a counter-based random number generator: a pure function of counter and key, without state to save.
///
/// - Source: Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
@usableFromInline
package enum Philox {
    /// Applies the ten rounds to one counter.
    ///
    /// - Returns: Four independent words, each uniform over all 32-bit values.
    package static func words(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var c = counter, k = key
        for round in 0..<10 {
            if round > 0 { k &+= SIMD2(weyl0, weyl1) }
            let first = UInt64(multiplier0) &* UInt64(c.x)
            let second = UInt64(multiplier1) &* UInt64(c.z)
            c = SIMD4(
                UInt32(truncatingIfNeeded: second >> 32) ^ c.y ^ k.x, UInt32(truncatingIfNeeded: second),
                UInt32(truncatingIfNeeded: first >> 32) ^ c.w ^ k.y, UInt32(truncatingIfNeeded: first))
        }
        return c
    }

    /// The constants of the round, shared with `PhiloxWords`.
    @inlinable package static var multiplier0: UInt32 { 0xD251_1F53 }
    @inlinable package static var multiplier1: UInt32 { 0xCD9E_8D57 }
    @inlinable package static var weyl0: UInt32 { 0x9E37_79B9 }
    @inlinable package static var weyl1: UInt32 { 0xBB67_AE85 }
}

/// The use of random numbers; different purposes have independent streams.
package enum RandomPurpose: UInt32, Sendable {
    /// Initial weights; `layer` is the parameter's index.
    case initialization = 1
    /// The order of samples; `step` is the epoch.
    case shuffling = 2
    /// Dropout masks.
    case dropout = 3
    /// Sampling the next token.
    case generation = 4
    /// Masking the tokens to predict.
    case masking = 5
    /// The order of batches under length bucketing; `step` is the pool.
    case batchOrder = 6
    /// Data augmentation.
    case augmentation = 7
    /// The order of the parts of a mixture; `step` is the block.
    case mixing = 8
    /// Dropout of the inputs of adapters.
    case adapterDropout = 9
    /// The start of a projection of vectors to few dimensions.
    case projection = 20
    /// The words around a word and the noise words, for word vectors.
    case wordWindows = 21
}

/// An infinite sequence of random words, identified by seed, purpose, step, sample and layer.
@usableFromInline
package struct RandomStream: Sendable {
    /// The Philox key of the stream.
    @usableFromInline package let key: SIMD2<UInt32>
    /// The upper half of every counter: the sample.
    @usableFromInline package let sample: UInt64

    /// The stream of (seed, purpose, step, sample, layer), indexed by counter.
    package init(seed: UInt64, purpose: RandomPurpose, step: UInt64 = 0, sample: UInt64 = 0, layer: UInt32 = 0) {
        let words = Philox.words(
            counter: SIMD4(
                purpose.rawValue, layer, UInt32(truncatingIfNeeded: step), UInt32(truncatingIfNeeded: step >> 32)),
            key: SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
        key = SIMD2(words.x, words.y)
        self.sample = sample
    }

    /// Returns the four words of one counter.
    package func words(_ counter: UInt64) -> SIMD4<UInt32> {
        Philox.words(
            counter: SIMD4(
                UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32),
                UInt32(truncatingIfNeeded: sample), UInt32(truncatingIfNeeded: sample >> 32)),
            key: key)
    }

    /// Returns a value uniform over [0, 1), with 53 random bits.
    package func uniform(_ counter: UInt64) -> Double { words(counter).uniform }
}

extension SIMD4<UInt32> {
    /// The value uniform over [0, 1) that the first two words of a counter give, with 53 random bits.
    package var uniform: Double {
        let bits = UInt64(x) << 32 | UInt64(y)
        return Double(bits >> 11) * 0x1p-53
    }
}
