import Failures
import Numbers
import Tensors

/// Dropout as a function: whether element e of a stream is kept depends only on the stream and e, so nothing is stored
/// between the forward and the backward pass.
///
/// - Source: Srivastava et al. 2014, with inverted scaling: kept elements are multiplied by 1/(1 − rate) in training.
package struct DropoutMask: Sendable {
    private let stream: RandomStream
    /// 1 + rate: an element is kept if its random value, uniform over [1, 2) in steps of 2⁻²³, is at least this.
    private let threshold: Float
    private let keptScale: Float

    /// The mask of one sample, with dropout probability `rate`, 0 ≤ rate < 1.
    package init(_ stream: RandomStream, rate: Float) {
        require(rate >= 0 && rate < 1, "a dropout rate is in [0, 1)")
        self.stream = stream
        threshold = 1 + rate
        keptScale = 1 / (1 - rate)
    }

    /// Multiplies values[i] by 1/(1 − rate) if element `first` + i is kept, and sets it to 0 if it is dropped.
    ///
    /// - Parameter first: The element index of the first value; a multiple of 32.
    package func apply(_ values: UnsafeMutablePointer<Float>, count: Int, first: Int = 0) {
        require(first % 32 == 0, "a dropout mask starts at a multiple of 32 elements")
        // Of elements 32g ..< 32g + 32, the first sixteen use words 0 and 1 of counters 8g ..< 8g + 8 alternately, the
        // others words 2 and 3, so that no word has to move to another lane.
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
        // The upper 23 bits become the mantissa of a value in [1, 2): comparing floats takes one instruction, comparing
        // unsigned integers more.
        let numbers = unsafeBitCast((words &>> 9) | 0x3F80_0000, to: SIMD16<Float>.self)
        return SIMD16<Float>(repeating: 0).replacing(with: keptScale, where: numbers .>= threshold)
    }

    /// Computes eight counters at once; each 32-bit word is in a 64-bit lane, so that one instruction yields the full
    /// product.
    @inline(__always)
    private func philox(firstCounter: UInt64, _ constants: Constants) -> Words {
        let counters = constants.lanes &+ SIMD8(repeating: firstCounter)
        var words = Words(
            x: counters & Words.low, y: counters &>> 32, z: SIMD8(repeating: stream.sample & 0xFFFF_FFFF),
            w: SIMD8(repeating: stream.sample >> 32))
        var (k0, k1) = (UInt64(stream.key.x), UInt64(stream.key.y))
        // Unrolled by hand: in a loop, the compiler would split the words over quarter registers.
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

/// The constants of Philox's rounds as vectors.
private struct Constants {
    let lanes = SIMD8<UInt64>(0, 1, 2, 3, 4, 5, 6, 7)
    let multiplier0 = SIMD8<UInt64>(repeating: UInt64(Philox.multiplier0))
    let multiplier1 = SIMD8<UInt64>(repeating: UInt64(Philox.multiplier1))
    let weyl0 = UInt64(Philox.weyl0)
    let weyl1 = UInt64(Philox.weyl1)
}

/// The four words of each of eight counters.
private struct Words {
    var x, y, z, w: SIMD8<UInt64>

    @_transparent
    static var low: SIMD8<UInt64> { SIMD8(repeating: 0xFFFF_FFFF) }

    /// Performs one round of `Philox.words` in every lane.
    @_transparent
    mutating func round(_ k0: inout UInt64, _ k1: inout UInt64, _ constants: Constants) {
        // The masks let the compiler see that both operands have 32 bits, so that it uses the fast multiplication.
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
