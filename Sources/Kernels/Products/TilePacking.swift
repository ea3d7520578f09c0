import CTiles

/// Splits numbers into bfloat16 parts and lays them out as the matrix unit reads them.
///
/// A bfloat16 is the upper half of a Float32. x = x₀ + x₁ + x₂ is exact: each part takes the next eight bits, rounded.
/// A tile is 16 lines of 16 pairs; pair p of a step of 32 summed elements holds the elements p and p + 16, so that two
/// vectors become a line without moving a lane. Tiles of the left factor have a row of it in each line; tiles of the
/// right factor have a pair in each line and a column in each place.
///
/// A panel is packed strip by strip (32 rows or columns), each strip step by step, each step part by part: two tiles.
enum TilePacking {
    static let tileBytes = 1024
    /// Rows or columns of a strip, and summed elements of a step.
    static let edge = 32

    /// Bytes of one step of a strip.
    static func stepBytes(parts: Int) -> Int { 2 * parts * tileBytes }

    /// Which factor a panel is of.
    enum Side { case left, right }

    /// Packs rows of A or columns of B, `range`, over the summed elements `depths`.
    ///
    /// - Parameter factor: Multiplies each number first.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    static func pack<Element: Storage>(
        _ source: Factor<Element>, _ side: Side, _ range: Range<Int>, _ depths: Range<Int>, parts: Int, factor: Float,
        into panel: UnsafeMutableRawPointer
    ) {
        // A stored row runs along the sum in A plain and in B transposed, else across it.
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
        // In the order of memory: a stored row along the sum crosses all steps, one across it crosses all strips.
        if alongSum {
            for strip in 0..<strips { for step in 0..<steps { packTwo(strip, step) } }
        } else {
            for step in 0..<steps { for strip in 0..<strips { packTwo(strip, step) } }
        }
    }
}

/// Makes tiles, all parts of one, from where a factor is stored.
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

    /// From one part of a tile to the next.
    private static var partBytes: Int { 2 * TilePacking.tileBytes }

    /// Packs `count` ≤ 16 rows or columns over `depthCount` ≤ 32 summed elements; what is missing is 0.
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
            // The next step or strip, which mostly follows.
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

    /// Puts the parts of x into the lower and those of y into the upper halves of a line of each tile.
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
        // What is left has eight bits at most: cutting is exact, and keeps what is not a number.
        let x2 = unsafeBitCast(xRest - unsafeBitCast(x1, to: SIMD16<Float>.self), to: Line.self)
        let y2 = unsafeBitCast(yRest - unsafeBitCast(y1, to: SIMD16<Float>.self), to: Line.self)
        (line + 2 * TileSource.partBytes).storeBytes(of: (x2 &>> 16) | (y2 & upperHalf), as: Line.self)
    }
}

/// A line of a tile: sixteen pairs of bfloat16.
private typealias Line = SIMD16<UInt32>

private var upperHalf: Line { Line(repeating: 0xFFFF_0000) }

/// The nearest bfloat16s, ties away from zero, as Float32 bits.
@inline(__always)
private func bfloat16(_ x: SIMD16<Float>) -> Line {
    (unsafeBitCast(x, to: Line.self) &+ Line(repeating: 0x8000)) & upperHalf
}

/// Exchanges lines and places of a tile.
@inline(never)
private func transposeTile(_ tile: UnsafeMutableRawPointer) {
    let (a, b, c, d) = (fourLines(tile), fourLines(tile + 256), fourLines(tile + 512), fourLines(tile + 768))
    storeColumns(a.0, b.0, c.0, d.0, tile)
    storeColumns(a.1, b.1, c.1, d.1, tile + 64)
    storeColumns(a.2, b.2, c.2, d.2, tile + 128)
    storeColumns(a.3, b.3, c.3, d.3, tile + 192)
}

/// Four lines, transposed quarter by quarter: result i holds places i, 4 + i, 8 + i and 12 + i.
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

/// Joins the quarters of the same place of all sixteen lines, for four places, and stores them four lines apart.
@inline(__always)
private func storeColumns(_ a: Line, _ b: Line, _ c: Line, _ d: Line, _ target: UnsafeMutableRawPointer) {
    let (evenUpper, evenLower) = (ctiles_even_quarters(a, b), ctiles_even_quarters(c, d))
    let (oddUpper, oddLower) = (ctiles_odd_quarters(a, b), ctiles_odd_quarters(c, d))
    target.storeBytes(of: ctiles_even_quarters(evenUpper, evenLower), as: Line.self)
    (target + 256).storeBytes(of: ctiles_even_quarters(oddUpper, oddLower), as: Line.self)
    (target + 512).storeBytes(of: ctiles_odd_quarters(evenUpper, evenLower), as: Line.self)
    (target + 768).storeBytes(of: ctiles_odd_quarters(oddUpper, oddLower), as: Line.self)
}
