// N rows of a list, R rows of a whole, C columns.

/// target[n] = source[places[n]]: the rows of a list, side by side.
///
/// - Parameters:
///   - source: [R, C].
///   - places: [N], each in 0 ..< R.
///   - target: [N, C].
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
package func gatherRows<Element: Storage>(
    _ source: UnsafePointer<Element>, places: UnsafePointer<Int32>, into target: UnsafeMutablePointer<Element>,
    count N: Int, columns C: Int
) {
    parallelRows(N, columns: C) { range in
        for n in range { (target + n * C).update(from: source + Int(places[n]) * C, count: C) }
    }
}

/// target[places[n]] = source[n], and all other rows = 0: the backward pass of `gatherRows`.
///
/// - Parameters:
///   - source: [N, C].
///   - places: [N], each in 0 ..< R, and none twice.
///   - target: [R, C], overwritten.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
package func scatterRows<Element: Storage>(
    _ source: UnsafePointer<Element>, places: UnsafePointer<Int32>, into target: UnsafeMutablePointer<Element>,
    count N: Int, rows R: Int, columns C: Int
) {
    parallelElements(R * C) { range in
        (target + range.lowerBound).update(repeating: 0, count: range.count)
    }
    parallelRows(N, columns: C) { range in
        for n in range { (target + Int(places[n]) * C).update(from: source + n * C, count: C) }
    }
}

/// target[n] += source[places[n]] for N rows: a second embedding on the first one's output.
///
/// - Parameters:
///   - source: [any number of rows, C].
///   - target: [N, C].
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
package func addRows<Element: Storage>(
    of source: UnsafePointer<Element>, places: UnsafePointer<Int32>,
    accumulatingInto target: UnsafeMutablePointer<Element>, count N: Int, columns C: Int
) {
    parallelRows(N, columns: C) { range in
        for n in range {
            let (x, y) = (source + Int(places[n]) * C, target + n * C)
            forEachVector(C) { c, width in store(load(y + c, width) + load(x + c, width), y + c, width) }
        }
    }
}
