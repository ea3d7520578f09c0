import Tensors

/// Dropout as a function: element e of a stream is kept or not whoever asks, so that nothing is stored between the
/// forward and the backward pass.
///
/// - Source: Srivastava et al. 2014; kept elements are scaled by 1/(1 − rate) in training, as everywhere today.
package struct DropoutMask: Sendable {
    private let stream: RandomStream
    private let threshold: UInt32
    private let keptScale: Float

    /// The mask of one sample, whose elements are dropped with probability `rate`, 0 ≤ rate < 1.
    package init(_ stream: RandomStream, rate: Float) {
        precondition(rate >= 0 && rate < 1, "a probability below one")
        self.stream = stream
        threshold = UInt32(Double(rate) * 0x1p32)
        keptScale = 1 / (1 - rate)
    }

    /// values[i] *= 1/(1 − rate) where element `first` + i is kept, and = 0 where it is dropped.
    ///
    /// - Parameter first: The index in the stream of the first value; a multiple of 32.
    package func apply(_ values: UnsafeMutablePointer<Float>, count: Int, first: Int = 0) {
        precondition(first % 32 == 0, "a group of 32 elements shares eight counters")
        // Elements 32g ..< 32g + 32 take word w of counter 8g + j at place 8w + j: no lane ever crosses another.
        for group in 0..<(count + 31) / 32 {
            let words = philox(firstCounter: UInt64((first / 32 + group) * 8))
            let target = values + group * 32
            let left = min(count - group * 32, 32)
            let lower = factors(words.0, words.1), upper = factors(words.2, words.3)
            if left == 32 {
                Float.store(load(target, lanes) * lower, target)
                Float.store(load(target + lanes, lanes) * upper, target + lanes)
            } else {
                for i in 0..<left { target[i] *= i < lanes ? lower[i] : upper[i - lanes] }
            }
        }
    }

    @inline(__always)
    private func factors(_ low: SIMD8<UInt64>, _ high: SIMD8<UInt64>) -> SIMD16<Float> {
        let words = SIMD16<UInt32>(
            lowHalf: SIMD8<UInt32>(truncatingIfNeeded: low), highHalf: SIMD8<UInt32>(truncatingIfNeeded: high))
        return SIMD16<Float>(repeating: 0).replacing(with: keptScale, where: words .>= threshold)
    }

    /// Eight counters at once; each lane holds a 32-bit word in 64 bits, so that one instruction multiplies in full width.
    @inline(__always)
    private func philox(
        firstCounter: UInt64
    ) -> (SIMD8<UInt64>, SIMD8<UInt64>, SIMD8<UInt64>, SIMD8<UInt64>) {
        let low = SIMD8<UInt64>(repeating: 0xFFFF_FFFF)
        let counters = SIMD8<UInt64>(0, 1, 2, 3, 4, 5, 6, 7) &+ firstCounter
        var x = counters & low
        var y = counters &>> 32
        var z = SIMD8<UInt64>(repeating: stream.sample & 0xFFFF_FFFF)
        var w = SIMD8<UInt64>(repeating: stream.sample >> 32)
        var (k0, k1) = (stream.key.x, stream.key.y)
        for _ in 0..<10 {
            let first = x &* SIMD8(repeating: UInt64(Philox.multiplier0))
            let second = z &* SIMD8(repeating: UInt64(Philox.multiplier1))
            let (newX, newZ) = ((second &>> 32) ^ y ^ UInt64(k0), (first &>> 32) ^ w ^ UInt64(k1))
            (x, y, z, w) = (newX, second & low, newZ, first & low)
            k0 &+= Philox.weyl0
            k1 &+= Philox.weyl1
        }
        return (x, y, z, w)
    }
}
