import CTiles

/// Splits elements into bfloat16 terms and packs them in the layout of AMX tiles.
///
/// A bfloat16 is the upper half of a Float32. x = x₀ + x₁ + x₂ is exact: each term holds the next eight bits of x,
/// rounded. A tile has 16 lines of 16 pairs of bfloat16. Pair p of a step of 32 elements of K holds elements p and p +
/// 16, so that two vectors are combined to a line without moving lanes. In tiles of A, a line is a row of A; in tiles
/// of B, line p holds pair p of 16 columns.
///
/// A panel is packed strip by strip (32 rows of A or columns of B), each strip step by step, each step term by term; a
/// term of a step has two tiles.
enum TilePacking {
    static let tileBytes = 1024
    /// The number of rows (A) or columns (B) in a strip, and of K elements in a packing step.
    static let edge = 32

    /// Returns the size in bytes of one step of a strip.
    static func stepBytes(parts: Int) -> Int { 2 * parts * tileBytes }

    /// The operand that a panel belongs to.
    enum Side { case left, right }

    /// Packs the rows of A or columns of B in `range`, over the range `depths` of K.
    ///
    /// - Parameter factor: The factor applied to each element first.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    static func pack<Element: Storage>(
        _ source: Factor<Element>, _ side: Side, _ range: Range<Int>, _ depths: Range<Int>, parts: Int, factor: Float,
        into panel: UnsafeMutableRawPointer
    ) {
        // The elements of a stored row are along K in plain A and transposed B, otherwise across it.
        let alongSum = (source.orientation == .plain) == (side == .left)
        let transposes = alongSum == (side == .right)
        let steps = (depths.count + edge - 1) / edge
        let strips = (range.count + edge - 1) / edge
        let tile = TileSource(source, alongSum: alongSum, factor: factor, parts: parts, transposes: transposes)
        func packTwo(_ strip: Int, _ step: Int) {
            let target = panel + (strip * steps + step) * stepBytes(parts: parts)
            let depth = depths.lowerBound + step * edge
            for half in 0..<2 {
                let row = strip * edge + half * lanes
                tile.pack(
                    first: range.lowerBound + row, count: min(lanes, range.count - row), depth: depth,
                    depthCount: min(edge, depths.upperBound - depth), into: target + half * tileBytes)
            }
        }
        // The loops follow memory order: a stored row along K spans all steps, one across K spans all strips.
        if alongSum {
            for strip in 0..<strips { for step in 0..<steps { packTwo(strip, step) } }
        } else {
            for step in 0..<steps { for strip in 0..<strips { packTwo(strip, step) } }
        }
    }
}

/// Packs all terms of a tile from an operand.
private struct TileSource<Element: Storage> {
    private let base: UnsafePointer<Element>
    private let stride: Int
    private let alongSum: Bool
    private let factor: Float
    private let parts: Int
    private let transposes: Bool

    init(_ source: Factor<Element>, alongSum: Bool, factor: Float, parts: Int, transposes: Bool) {
        (base, stride, self.alongSum) = (source.base, source.stride, alongSum)
        (self.factor, self.parts, self.transposes) = (factor, parts, transposes)
    }

    /// The number of bytes from one term of a tile to the next.
    private static var partBytes: Int { 2 * TilePacking.tileBytes }

    /// Packs `count` ≤ 16 rows or columns over `depthCount` ≤ 32 elements of K; missing elements are 0.
    @inline(__always)
    func pack(first: Int, count: Int, depth: Int, depthCount: Int, into tile: UnsafeMutableRawPointer) {
        if count == lanes && depthCount == TilePacking.edge {
            packWhole(first: first, depth: depth, into: tile)
        } else {
            packPart(first: first, count: count, depth: depth, depthCount: depthCount, into: tile)
        }
        if transposes {
            for part in 0..<parts { transposeTile(tile + part * TileSource.partBytes) }
        }
    }

    @inline(__always)
    private func packWhole(first: Int, depth: Int, into tile: UnsafeMutableRawPointer) {
        var row = alongSum ? base + first * stride + depth : base + depth * stride + first
        let secondOffset = alongSum ? lanes : lanes * stride
        for line in 0..<lanes {
            // The next step or strip, which usually follows in memory.
            ctiles_prefetch(row + TilePacking.edge)
            ctiles_prefetch(row + TilePacking.edge + secondOffset)
            split(Element.load(row) * factor, Element.load(row + secondOffset) * factor, into: tile + 64 * line)
            row += stride
        }
    }

    @inline(never)
    private func packPart(first: Int, count: Int, depth: Int, depthCount: Int, into tile: UnsafeMutableRawPointer) {
        for line in 0..<lanes {
            var (x, y) = (SIMD16<Float>(), SIMD16<Float>())
            if alongSum, line < count {
                let row = base + (first + line) * stride + depth
                x = load(row, min(lanes, depthCount))
                if depthCount > lanes { y = load(row + lanes, depthCount - lanes) }
            } else if !alongSum, count > 0 {
                let row = base + (depth + line) * stride + first
                if line < depthCount { x = load(row, count) }
                if line + lanes < depthCount { y = load(row + lanes * stride, count) }
            }
            split(x * factor, y * factor, into: tile + 64 * line)
        }
    }

    /// Stores the terms of x in the lower and those of y in the upper halves of the pairs of one line of each term's
    /// tile.
    @inline(__always)
    private func split(_ x: SIMD16<Float>, _ y: SIMD16<Float>, into line: UnsafeMutableRawPointer) {
        let (x0, y0) = (bfloat16(x), bfloat16(y))
        line.storeBytes(of: (x0 &>> 16) | y0, as: Line.self)
        let (xRest, yRest) = (
            x - unsafeBitCast(x0, to: SIMD16<Float>.self), y - unsafeBitCast(y0, to: SIMD16<Float>.self)
        )
        let (x1, y1) = (bfloat16(xRest), bfloat16(yRest))
        (line + TileSource.partBytes).storeBytes(of: (x1 &>> 16) | y1, as: Line.self)
        guard parts == 3 else { return }
        // The remainder has at most eight bits: truncation is exact and preserves NaN.
        let x2 = unsafeBitCast(xRest - unsafeBitCast(x1, to: SIMD16<Float>.self), to: Line.self)
        let y2 = unsafeBitCast(yRest - unsafeBitCast(y1, to: SIMD16<Float>.self), to: Line.self)
        (line + 2 * TileSource.partBytes).storeBytes(of: (x2 &>> 16) | (y2 & upperHalf), as: Line.self)
    }
}

/// A line of a tile: sixteen pairs of bfloat16.
private typealias Line = SIMD16<UInt32>

private var upperHalf: Line { Line(repeating: 0xFFFF_0000) }

/// Returns the nearest bfloat16 values, ties away from zero, as Float32 bits.
@inline(__always)
private func bfloat16(_ x: SIMD16<Float>) -> Line {
    (unsafeBitCast(x, to: Line.self) &+ Line(repeating: 0x8000)) & upperHalf
}

/// Transposes a tile of 16 × 16 pairs.
@inline(never)
private func transposeTile(_ tile: UnsafeMutableRawPointer) {
    let (a, b, c, d) = (fourLines(tile), fourLines(tile + 256), fourLines(tile + 512), fourLines(tile + 768))
    storeColumns(a.0, b.0, c.0, d.0, tile)
    storeColumns(a.1, b.1, c.1, d.1, tile + 64)
    storeColumns(a.2, b.2, c.2, d.2, tile + 128)
    storeColumns(a.3, b.3, c.3, d.3, tile + 192)
}

/// Transposes 4 × 4 blocks of four lines: result i holds the pairs i, 4 + i, 8 + i and 12 + i of all four lines.
@inline(__always)
private func fourLines(_ lines: UnsafeMutableRawPointer) -> (Line, Line, Line, Line) {
    func line(_ index: Int) -> Line { (lines + 64 * index).load(as: Line.self) }
    let (low01, high01) = (ctiles_low_numbers(line(0), line(1)), ctiles_high_numbers(line(0), line(1)))
    let (low23, high23) = (ctiles_low_numbers(line(2), line(3)), ctiles_high_numbers(line(2), line(3)))
    return (
        ctiles_low_pairs(low01, low23), ctiles_high_pairs(low01, low23),
        ctiles_low_pairs(high01, high23), ctiles_high_pairs(high01, high23)
    )
}

/// Combines the quarters at the same position of all sixteen lines and stores the results four lines apart.
@inline(__always)
private func storeColumns(_ a: Line, _ b: Line, _ c: Line, _ d: Line, _ target: UnsafeMutableRawPointer) {
    let (evenUpper, evenLower) = (ctiles_even_quarters(a, b), ctiles_even_quarters(c, d))
    let (oddUpper, oddLower) = (ctiles_odd_quarters(a, b), ctiles_odd_quarters(c, d))
    target.storeBytes(of: ctiles_even_quarters(evenUpper, evenLower), as: Line.self)
    (target + 256).storeBytes(of: ctiles_even_quarters(oddUpper, oddLower), as: Line.self)
    (target + 512).storeBytes(of: ctiles_odd_quarters(evenUpper, evenLower), as: Line.self)
    (target + 768).storeBytes(of: ctiles_odd_quarters(oddUpper, oddLower), as: Line.self)
}
