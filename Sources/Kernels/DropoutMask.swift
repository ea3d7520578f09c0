import Tensors

/// Dropout as a function: element e of a stream is kept or not whoever asks, so that nothing is stored between the
/// forward and the backward pass.
///
/// - Source: Srivastava et al. 2014; kept elements are scaled by 1/(1 − rate) in training, as everywhere today.
package struct DropoutMask: Sendable {
    private let stream: RandomStream
    /// 1 + rate: what the random number of a kept element, uniform over [1, 2) in steps of 2⁻²³, reaches.
    private let threshold: Float
    private let keptScale: Float

    /// The mask of one sample, whose elements are dropped with probability `rate`, 0 ≤ rate < 1.
    package init(_ stream: RandomStream, rate: Float) {
        precondition(rate >= 0 && rate < 1, "a probability below one")
        self.stream = stream
        threshold = 1 + rate
        keptScale = 1 / (1 - rate)
    }

    /// values[i] *= 1/(1 − rate) where element `first` + i is kept, and = 0 where it is dropped.
    ///
    /// - Parameter first: The index in the stream of the first value; a multiple of 32.
    package func apply(_ values: UnsafeMutablePointer<Float>, count: Int, first: Int = 0) {
        precondition(first % 32 == 0, "a group of 32 elements shares eight counters")
        // Of elements 32g ..< 32g + 32, the first sixteen take words 0 and 1 of counters 8g ..< 8g + 8 in turn, the
        // others words 2 and 3: then the words of a lane stay in that lane.
        parallelRows((count + 31) / 32, columns: 32) { groups in
            let constants = Constants()
            for group in groups {
                let words = philox(firstCounter: UInt64((first / 32 + group) * 8), constants)
                let target = values + group * 32
                let left = min(count - group * 32, 32)
                let lower = factors(words.x, words.y)
                let upper = factors(words.z, words.w)
                if left == 32 {
                    Float.store(load(target, lanes) * lower, target)
                    Float.store(load(target + lanes, lanes) * upper, target + lanes)
                } else {
                    for i in 0..<left { target[i] *= i < lanes ? lower[i] : upper[i - lanes] }
                }
            }
        }
    }

    @inline(__always)
    private func factors(_ low: SIMD8<UInt64>, _ high: SIMD8<UInt64>) -> SIMD16<Float> {
        let words = unsafeBitCast((low & Words.low) | (high &<< 32), to: SIMD16<UInt32>.self)
        // The upper 23 bits as the fraction of a number in [1, 2): floats compare in one instruction, integers do not.
        let numbers = unsafeBitCast((words &>> 9) | 0x3F80_0000, to: SIMD16<Float>.self)
        return SIMD16<Float>(repeating: 0).replacing(with: keptScale, where: numbers .>= threshold)
    }

    /// Eight counters at once; each lane holds a 32-bit word in 64 bits, so that one instruction multiplies in full width.
    @inline(__always)
    private func philox(firstCounter: UInt64, _ constants: Constants) -> Words {
        let counters = constants.lanes &+ SIMD8(repeating: firstCounter)
        var words = Words(
            x: counters & Words.low, y: counters &>> 32, z: SIMD8(repeating: stream.sample & 0xFFFF_FFFF),
            w: SIMD8(repeating: stream.sample >> 32))
        var (k0, k1) = (UInt64(stream.key.x), UInt64(stream.key.y))
        // Ten calls and no loop: a loop would keep the words in quarters of a register.
        words.round(&k0, &k1, constants)
        words.round(&k0, &k1, constants)
        words.round(&k0, &k1, constants)
        words.round(&k0, &k1, constants)
        words.round(&k0, &k1, constants)
        words.round(&k0, &k1, constants)
        words.round(&k0, &k1, constants)
        words.round(&k0, &k1, constants)
        words.round(&k0, &k1, constants)
        words.round(&k0, &k1, constants)
        return words
    }
}

/// The numbers of Philox's rounds, ready for vectors.
private struct Constants {
    let lanes = SIMD8<UInt64>(0, 1, 2, 3, 4, 5, 6, 7)
    let multiplier0 = SIMD8<UInt64>(repeating: UInt64(Philox.multiplier0))
    let multiplier1 = SIMD8<UInt64>(repeating: UInt64(Philox.multiplier1))
    let weyl0 = UInt64(Philox.weyl0)
    let weyl1 = UInt64(Philox.weyl1)
}

/// The four words of eight counters.
private struct Words {
    var x, y, z, w: SIMD8<UInt64>

    @_transparent
    static var low: SIMD8<UInt64> { SIMD8(repeating: 0xFFFF_FFFF) }

    /// One round of `Philox.words` in every lane.
    @_transparent
    mutating func round(_ k0: inout UInt64, _ k1: inout UInt64, _ constants: Constants) {
        // The masks tell the compiler that both factors fit 32 bits: they cost nothing and save the slow product.
        let first = (x & Words.low) &* (constants.multiplier0 & Words.low)
        let second = (z & Words.low) &* (constants.multiplier1 & Words.low)
        x = (second &>> 32) ^ y ^ SIMD8(repeating: k0)
        z = (first &>> 32) ^ w ^ SIMD8(repeating: k1)
        y = second & Words.low
        w = first & Words.low
        k0 = (k0 &+ constants.weyl0) & 0xFFFF_FFFF
        k1 = (k1 &+ constants.weyl1) & 0xFFFF_FFFF
    }
}
