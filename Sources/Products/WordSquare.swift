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
    let a = fourLines(source, sourceBytes)
    let b = fourLines(source + 4 * sourceBytes, sourceBytes)
    let c = fourLines(source + 8 * sourceBytes, sourceBytes)
    let d = fourLines(source + 12 * sourceBytes, sourceBytes)
    storeColumns(a.0, b.0, c.0, d.0, target, lineBytes)
    storeColumns(a.1, b.1, c.1, d.1, target + lineBytes, lineBytes)
    storeColumns(a.2, b.2, c.2, d.2, target + 2 * lineBytes, lineBytes)
    storeColumns(a.3, b.3, c.3, d.3, target + 3 * lineBytes, lineBytes)
}

/// Transposes 4 × 4 blocks of four lines: result i holds the words i, 4 + i, 8 + i and 12 + i of all four lines.
@inline(__always)
private func fourLines(
    _ lines: UnsafeRawPointer, _ lineBytes: Int
) -> (VectorBits, VectorBits, VectorBits, VectorBits) {
    func line(_ index: Int) -> VectorBits { (lines + lineBytes * index).loadUnaligned(as: VectorBits.self) }
    let (low01, high01) = (ctiles_low_numbers(line(0), line(1)), ctiles_high_numbers(line(0), line(1)))
    let (low23, high23) = (ctiles_low_numbers(line(2), line(3)), ctiles_high_numbers(line(2), line(3)))
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
