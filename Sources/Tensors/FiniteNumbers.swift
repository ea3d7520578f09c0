/// A format of floating-point numbers in memory, little-endian.
package enum FloatFormat: Sendable {
    case float64, float32, float16, bfloat16

    /// The bytes of one number.
    package var byteCount: Int {
        switch self {
        case .float64: 8
        case .float32: 4
        case .float16, .bfloat16: 2
        }
    }
}

/// Returns the index of the first number that is infinite or NaN; nil where all numbers are finite.
///
/// - Parameters:
///   - bytes: Numbers one after another, aligned to the size of a number.
///   - format: Their format.
/// - Complexity: O(bytes), as fast as memory is read; allocates nothing.
package func firstNonFinite(_ bytes: UnsafeRawBufferPointer, _ format: FloatFormat) -> Int? {
    guard let base = bytes.baseAddress else { return nil }
    let count = bytes.count / format.byteCount
    // A number is not finite exactly where all bits of its exponent are set.
    switch format {
    case .float64: return firstNonFinite(base.assumingMemoryBound(to: UInt64.self), count, exponent: 0x7FF0 << 48)
    case .float32: return firstNonFinite(base.assumingMemoryBound(to: UInt32.self), count, exponent: 0x7F80 << 16)
    case .float16: return firstNonFinite(base.assumingMemoryBound(to: UInt16.self), count, exponent: 0x7C00)
    case .bfloat16: return firstNonFinite(base.assumingMemoryBound(to: UInt16.self), count, exponent: 0x7F80)
    }
}

/// Returns the index of the first of `count` numbers that is infinite or NaN; nil where all are finite.
package func firstNonFinite(_ numbers: UnsafePointer<Float>, count: Int) -> Int? {
    firstNonFinite(UnsafeRawBufferPointer(start: numbers, count: count * MemoryLayout<Float>.stride), .float32)
}

@inline(__always)
private func firstNonFinite<Word: FixedWidthInteger & UnsignedInteger>(
    _ words: UnsafePointer<Word>, _ count: Int, exponent: Word
) -> Int? {
    // Added to a full exponent, its lowest bit carries into the sign, and into nothing else.
    let lowest = exponent & (0 &- exponent)
    let sign = Word(1) << Word(Word.bitWidth - 1)
    let blockCount = 4096
    var start = 0
    while start < count {
        let end = min(start + blockCount, count)
        var carries: Word = 0
        for index in start..<end { carries |= (words[index] & exponent) &+ lowest }
        if carries & sign != 0 {
            return (start..<end).first { words[$0] & exponent == exponent }
        }
        start = end
    }
    return nil
}

/// Returns the largest of `count` tokens, 0 where there is none.
///
/// - Complexity: O(count), as fast as memory is read; allocates nothing.
package func largestToken(_ tokens: UnsafePointer<UInt16>, count: Int) -> Int { Int(largest(tokens, count)) }

/// Returns the largest of `count` tokens, 0 where there is none.
///
/// - Complexity: O(count), as fast as memory is read; allocates nothing.
package func largestToken(_ tokens: UnsafePointer<UInt32>, count: Int) -> Int { Int(largest(tokens, count)) }

@inline(__always)
private func largest<Word: FixedWidthInteger & UnsignedInteger>(_ words: UnsafePointer<Word>, _ count: Int) -> Word {
    var largest: Word = 0
    for index in 0..<count { largest = max(largest, Word(littleEndian: words[index])) }
    return largest
}
