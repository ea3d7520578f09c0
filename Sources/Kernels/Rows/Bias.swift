import Numbers
import Tensors

// R rows, C columns.

/// Computes gradient[c] = Σ over rows of outputGradient[r, c], the gradient of a bias.
///
/// Rows are summed in blocks of 64 and the block sums are added in order, which reduces the rounding error of long
/// sums.
///
/// - Parameter accumulating: Whether to add to `gradient` instead of overwriting it.
@_specialize(where Gradient == Float, Element == Float)
@_specialize(where Gradient == Float, Element == Float16)
@_specialize(where Gradient == Float, Element == BFloat16)
@_specialize(where Gradient == BFloat16, Element == BFloat16)
package func biasGradient<Gradient: Storage, Element: Storage>(
    _ outputGradient: UnsafePointer<Gradient>, into gradient: UnsafeMutablePointer<Element>,
    rows R: Int, columns C: Int, accumulating: Bool = false
) {
    // Eight vectors at a time: each row is read in contiguous runs, and all sums stay in registers.
    let step = 8 * lanes
    parallelColumns(C, rows: R, multiple: step) { columns in
        for start in stride(from: columns.lowerBound, to: columns.upperBound, by: step) {
            if start + step <= C {
                columnSums(
                    outputGradient + start, into: gradient + start, rows: R, stride: C, accumulating: accumulating)
            } else {
                for (offsets, width) in vectors(in: start..<C) {
                    for c in offsets {
                        columnSums(
                            outputGradient + c, into: gradient + c, rows: R, stride: C, width: width,
                            accumulating: accumulating)
                    }
                }
            }
        }
    }
}

/// Sums 8 · 16 columns.
@inline(__always)
private func columnSums<Gradient: Storage, Element: Storage>(
    _ source: UnsafePointer<Gradient>, into target: UnsafeMutablePointer<Element>, rows R: Int, stride: Int,
    accumulating: Bool
) {
    func before(_ index: Int) -> SIMD16<Float> { accumulating ? load(target + index * lanes, lanes) : SIMD16() }
    var (a, b, c, d) = (before(0), before(1), before(2), before(3))
    var (e, f, g, h) = (before(4), before(5), before(6), before(7))
    for start in Swift.stride(from: 0, to: R, by: 64) {
        var (pa, pb, pc, pd) = (SIMD16<Float>(), SIMD16<Float>(), SIMD16<Float>(), SIMD16<Float>())
        var (pe, pf, pg, ph) = (pa, pa, pa, pa)
        for r in start..<min(start + 64, R) {
            let x = source + r * stride
            pa += load(x, lanes)
            pb += load(x + lanes, lanes)
            pc += load(x + 2 * lanes, lanes)
            pd += load(x + 3 * lanes, lanes)
            pe += load(x + 4 * lanes, lanes)
            pf += load(x + 5 * lanes, lanes)
            pg += load(x + 6 * lanes, lanes)
            ph += load(x + 7 * lanes, lanes)
        }
        (a, b, c, d) = (a + pa, b + pb, c + pc, d + pd)
        (e, f, g, h) = (e + pe, f + pf, g + pg, h + ph)
    }
    store(a, target, lanes)
    store(b, target + lanes, lanes)
    store(c, target + 2 * lanes, lanes)
    store(d, target + 3 * lanes, lanes)
    store(e, target + 4 * lanes, lanes)
    store(f, target + 5 * lanes, lanes)
    store(g, target + 6 * lanes, lanes)
    store(h, target + 7 * lanes, lanes)
}

/// Sums `width` ≤ 16 columns.
@inline(__always)
private func columnSums<Gradient: Storage, Element: Storage>(
    _ source: UnsafePointer<Gradient>, into target: UnsafeMutablePointer<Element>, rows R: Int, stride: Int, width: Int,
    accumulating: Bool
) {
    var total = accumulating ? load(target, width) : SIMD16<Float>()
    for start in Swift.stride(from: 0, to: R, by: 64) {
        var piece = SIMD16<Float>()
        for r in start..<min(start + 64, R) { piece += load(source + r * stride, width) }
        total += piece
    }
    store(total, target, width)
}
