import CTiles
import Numbers

/// Transposes a square of 16 × 16 words of 32 bits.
///
/// - Parameters:
///   - source: Sixteen lines, `sourceBytes` apart.
///   - target: Sixteen lines, `lineBytes` apart; may be the source.
@inline(never)
func transposeSquare(
    _ source: UnsafeRawPointer, lineBytes sourceBytes: Int, into target: UnsafeMutableRawPointer, lineBytes: Int
) {
    transposeSquare(into: target, lineBytes: lineBytes) {
        (source + sourceBytes * $0).loadUnaligned(as: VectorBits.self)
    }
}

/// Transposes a square of 16 × 16 words of 32 bits whose lines are returned by `line`.
///
/// - Parameter target: Sixteen lines, `lineBytes` apart.
@inline(__always)
func transposeSquare(into target: UnsafeMutableRawPointer, lineBytes: Int, line: (_ index: Int) -> VectorBits) {
    let a = fourLines(0, line)
    let b = fourLines(4, line)
    let c = fourLines(8, line)
    let d = fourLines(12, line)
    storeColumns(a.0, b.0, c.0, d.0, target, lineBytes)
    storeColumns(a.1, b.1, c.1, d.1, target + lineBytes, lineBytes)
    storeColumns(a.2, b.2, c.2, d.2, target + 2 * lineBytes, lineBytes)
    storeColumns(a.3, b.3, c.3, d.3, target + 3 * lineBytes, lineBytes)
}

/// Transposes 4 × 4 blocks of four lines from `first` on: result i holds the words i, 4 + i, 8 + i and 12 + i of all four
/// lines.
@inline(__always)
private func fourLines(
    _ first: Int, _ line: (_ index: Int) -> VectorBits
) -> (VectorBits, VectorBits, VectorBits, VectorBits) {
    let (l0, l1, l2, l3) = (line(first), line(first + 1), line(first + 2), line(first + 3))
    let (low01, high01) = (ctiles_low_numbers(l0, l1), ctiles_high_numbers(l0, l1))
    let (low23, high23) = (ctiles_low_numbers(l2, l3), ctiles_high_numbers(l2, l3))
    return (
        ctiles_low_pairs(low01, low23), ctiles_high_pairs(low01, low23),
        ctiles_low_pairs(high01, high23), ctiles_high_pairs(high01, high23)
    )
}

/// Combines the quarters at the same position of all sixteen lines and stores the results four lines apart.
@inline(__always)
private func storeColumns(
    _ a: VectorBits, _ b: VectorBits, _ c: VectorBits, _ d: VectorBits, _ target: UnsafeMutableRawPointer,
    _ lineBytes: Int
) {
    let (evenUpper, evenLower) = (ctiles_even_quarters(a, b), ctiles_even_quarters(c, d))
    let (oddUpper, oddLower) = (ctiles_odd_quarters(a, b), ctiles_odd_quarters(c, d))
    target.storeBytes(of: ctiles_even_quarters(evenUpper, evenLower), as: VectorBits.self)
    (target + 4 * lineBytes).storeBytes(of: ctiles_even_quarters(oddUpper, oddLower), as: VectorBits.self)
    (target + 8 * lineBytes).storeBytes(of: ctiles_odd_quarters(evenUpper, evenLower), as: VectorBits.self)
    (target + 12 * lineBytes).storeBytes(of: ctiles_odd_quarters(oddUpper, oddLower), as: VectorBits.self)
}
