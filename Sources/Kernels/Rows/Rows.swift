import Failures
import Numbers
import Tensors

// N selected rows, R rows of the full matrix, C columns.

/// Returns `value` (a token, position or row) as an index; ends the process unless it is in 0 ..< `count`.
@inline(__always)
func index(_ value: Int32, below count: Int) -> Int {
    require(value >= 0 && value < count, "\(value) is an index below \(count)")
    return Int(value)
}

/// Computes target[n] = source[places[n]]: gathers rows.
///
/// - Parameters:
///   - source: [R, C].
///   - places: [N], each in 0 ..< R.
///   - target: [N, C].
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func gatherRows<Element: Storage>(
    _ source: UnsafePointer<Element>, places: UnsafePointer<Int32>, into target: UnsafeMutablePointer<Element>,
    count N: Int, columns C: Int
) {
    parallelRows(N, columns: C) { range in
        for n in range { (target + n * C).update(from: source + Int(places[n]) * C, count: C) }
    }
}

/// Computes target[places[n]] = source[n] and sets all other rows to 0: the backward pass of `gatherRows`.
///
/// - Parameters:
///   - source: [N, C].
///   - places: [N], distinct, each in 0 ..< R.
///   - target: [R, C], overwritten.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func scatterRows<Element: Storage>(
    _ source: UnsafePointer<Element>, places: UnsafePointer<Int32>, into target: UnsafeMutablePointer<Element>,
    count N: Int, rows R: Int, columns C: Int
) {
    parallelElements(R * C) { range in
        (target + range.lowerBound).update(repeating: 0, count: range.count)
    }
    parallelRows(N, columns: C) { range in
        for n in range { (target + index(places[n], below: R) * C).update(from: source + n * C, count: C) }
    }
}

/// Computes target[n] += source[places[n]] for N rows, such as a second embedding added to the first one.
///
/// - Parameters:
///   - source: [R, C].
///   - places: [N], each in 0 ..< R.
///   - target: [N, C].
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func addRows<Element: Storage>(
    of source: UnsafePointer<Element>, places: UnsafePointer<Int32>,
    accumulatingInto target: UnsafeMutablePointer<Element>, count N: Int, rows R: Int, columns C: Int
) {
    parallelRows(N, columns: C) { range in
        for n in range {
            let (x, y) = (source + index(places[n], below: R) * C, target + n * C)
            for (offsets, width) in vectors(C) {
                for c in offsets { store(load(y + c, width) + load(x + c, width), y + c, width) }
            }
        }
    }
}

/// Copies C columns of R rows from one matrix to another.
///
/// - Parameters:
///   - source: [R, sourceStride], from the first column to copy on.
///   - target: [R, targetStride], from the first column to overwrite on.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func copyColumns<Element: Storage>(
    _ source: UnsafePointer<Element>, stride sourceStride: Int, into target: UnsafeMutablePointer<Element>,
    stride targetStride: Int, rows R: Int, columns C: Int
) {
    parallelRows(R, columns: C) { rows in
        for r in rows { (target + r * targetStride).update(from: source + r * sourceStride, count: C) }
    }
}
