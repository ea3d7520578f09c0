import CTiles
import Numbers
import Tensors

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
    @_specialize(where Element == BFloat16)
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
            for part in 0..<parts {
                let square = tile + part * TileSource.partBytes
                transposeSquare(square, lineBytes: 64, into: square, lineBytes: 64)
            }
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
            split(load(row, lanes) * factor, load(row + secondOffset, lanes) * factor, into: tile + 64 * line)
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
        if parts == 1 {
            return line.storeBytes(of: (roundedToBFloat16(x) &>> 16) | roundedToBFloat16(y), as: VectorBits.self)
        }
        let (x0, y0) = (bfloat16(x), bfloat16(y))
        line.storeBytes(of: (x0 &>> 16) | y0, as: VectorBits.self)
        let (xRest, yRest) = (
            x - unsafeBitCast(x0, to: SIMD16<Float>.self), y - unsafeBitCast(y0, to: SIMD16<Float>.self)
        )
        let (x1, y1) = (bfloat16(xRest), bfloat16(yRest))
        (line + TileSource.partBytes).storeBytes(of: (x1 &>> 16) | y1, as: VectorBits.self)
        guard parts == 3 else { return }
        // The remainder has at most eight bits: truncation is exact and preserves NaN.
        let x2 = unsafeBitCast(xRest - unsafeBitCast(x1, to: SIMD16<Float>.self), to: VectorBits.self)
        let y2 = unsafeBitCast(yRest - unsafeBitCast(y1, to: SIMD16<Float>.self), to: VectorBits.self)
        (line + 2 * TileSource.partBytes).storeBytes(of: (x2 &>> 16) | (y2 & upperHalf), as: VectorBits.self)
    }
}

private var upperHalf: VectorBits { VectorBits(repeating: 0xFFFF_0000) }

/// Returns the nearest bfloat16 values, ties away from zero, as Float32 bits.
@inline(__always)
private func bfloat16(_ x: SIMD16<Float>) -> VectorBits { (x.bits &+ VectorBits(repeating: 0x8000)) & upperHalf }
