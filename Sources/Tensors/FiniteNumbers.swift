/// A floating-point format in memory, little-endian.
@usableFromInline
package enum FloatFormat: Sendable {
    case float64, float32, float16, bfloat16

    /// The size of one value in bytes.
    package var byteCount: Int {
        switch self {
        case .float64: 8
        case .float32: 4
        case .float16, .bfloat16: 2
        }
    }
}

/// Returns the index of the first value that is infinite or NaN, or nil if all values are finite.
///
/// - Parameters:
///   - bytes: Contiguous values, aligned to their size.
///   - format: The format of the values.
/// - Complexity: O(bytes), at memory bandwidth; allocates nothing.
package func firstNonFinite(_ bytes: UnsafeRawBufferPointer, _ format: FloatFormat) -> Int? {
    guard let base = bytes.baseAddress else { return nil }
    let count = bytes.count / format.byteCount
    // A value is infinite or NaN exactly if all bits of its exponent are set.
    switch format {
    case .float64: return firstNonFinite(base.assumingMemoryBound(to: UInt64.self), count, exponent: 0x7FF0 << 48)
    case .float32: return firstNonFinite(base.assumingMemoryBound(to: UInt32.self), count, exponent: 0x7F80 << 16)
    case .float16: return firstNonFinite(base.assumingMemoryBound(to: UInt16.self), count, exponent: 0x7C00)
    case .bfloat16: return firstNonFinite(base.assumingMemoryBound(to: UInt16.self), count, exponent: 0x7F80)
    }
}

/// Returns the index of the first of `count` values that is infinite or NaN, or nil if all are finite.
package func firstNonFinite(_ numbers: UnsafePointer<Float>, count: Int) -> Int? {
    firstNonFinite(UnsafeRawBufferPointer(start: numbers, count: count * MemoryLayout<Float>.stride), .float32)
}

@inline(__always)
private func firstNonFinite<Word: FixedWidthInteger & UnsignedInteger>(
    _ words: UnsafePointer<Word>, _ count: Int, exponent: Word
) -> Int? {
    // Adding the exponent's lowest bit carries into the sign bit exactly if all bits of the exponent are set.
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

/// Returns the largest of `count` token IDs, or 0 if `count` is 0.
///
/// - Complexity: O(count), at memory bandwidth; allocates nothing.
package func largestToken(_ tokens: UnsafePointer<UInt16>, count: Int) -> Int { Int(largest(tokens, count)) }

/// Returns the largest of `count` token IDs, or 0 if `count` is 0.
///
/// - Complexity: O(count), at memory bandwidth; allocates nothing.
package func largestToken(_ tokens: UnsafePointer<UInt32>, count: Int) -> Int { Int(largest(tokens, count)) }

@inline(__always)
private func largest<Word: FixedWidthInteger & UnsignedInteger>(_ words: UnsafePointer<Word>, _ count: Int) -> Word {
    var largest: Word = 0
    for index in 0..<count { largest = max(largest, Word(littleEndian: words[index])) }
    return largest
}
