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
            for group in groups {
                let words = PhiloxWords(stream, firstCounter: UInt64((first / 32 + group) * 8))
                let target = values + group * 32
                let left = min(count - group * 32, 32)
                let lower = factors(words.x, words.y)
                let upper = factors(words.z, words.w)
                for (offsets, width) in vectors(left) {
                    for i in offsets {
                        store(load(target + i, width) * (i == 0 ? lower : upper), target + i, width)
                    }
                }
            }
        }
    }

    @inline(__always)
    private func factors(_ low: SIMD8<UInt64>, _ high: SIMD8<UInt64>) -> SIMD16<Float> {
        let words = unsafeBitCast((low & PhiloxWords.low) | (high &<< 32), to: SIMD16<UInt32>.self)
        // The upper 23 bits become the mantissa of a value in [1, 2): comparing floats takes one instruction, comparing
        // unsigned integers more.
        let numbers = unsafeBitCast((words &>> 9) | 0x3F80_0000, to: SIMD16<Float>.self)
        return SIMD16<Float>(repeating: 0).replacing(with: keptScale, where: numbers .>= threshold)
    }
}
