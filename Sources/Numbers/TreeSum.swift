import Tensors

/// The balanced binary tree that *defines* the sum of n terms.
///
/// A tree over n leaves splits at the largest power of two below n. A rank that holds an aligned power of two of the
/// leaves can therefore sum its own subtree, and adding the subtree sums yields the bits of the full tree.
package enum TreeSum {
    /// Returns the number of leaves in the left subtree of a tree over `count` ≥ 2 leaves.
    @inlinable @inline(__always)
    package static func split(_ count: Int) -> Int { 1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount) }

    /// Returns the tree sum of `values`.
    package static func sum(_ values: UnsafeBufferPointer<Double>) -> Double {
        if values.isEmpty { return 0 }
        if values.count == 1 { return values[0] }
        let middle = split(values.count)
        return sum(UnsafeBufferPointer(rebasing: values[..<middle]))
            + sum(UnsafeBufferPointer(rebasing: values[middle...]))
    }

    /// Computes target[i] = the tree sum over all parts of part[i], rounding each node to the element type.
    ///
    /// - Parameters:
    ///   - parts: At least one buffer of `count` elements each.
    ///   - target: The destination; may be one of the parts.
    /// - Returns: The sum of squares of the results, bit-identical to `sumOfSquares`.
    /// - Complexity: O(parts · count), one pass over memory, on the calling thread; allocates nothing.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    @_specialize(where Element == BFloat16)
    @discardableResult
    package static func sum<Element: Storage>(
        _ parts: UnsafeBufferPointer<UnsafePointer<Element>>, into target: UnsafeMutablePointer<Element>, count: Int
    ) -> Double {
        var squares = Squares()
        switch parts.count {
        case 1:
            if UnsafePointer(target) != parts[0] { target.update(from: parts[0], count: count) }
            return sumOfSquares(target, count: count)
        case 2:
            let (a, b) = (parts[0], parts[1])
            for (offsets, width) in vectors(count) {
                for i in offsets {
                    let sum = rounded(load(a + i, width) + load(b + i, width), Element.self)
                    squares.add(sum)
                    store(sum, target + i, width)
                }
            }
        case 4:
            let (a, b, c, d) = (parts[0], parts[1], parts[2], parts[3])
            for (offsets, width) in vectors(count) {
                for i in offsets {
                    let left = rounded(load(a + i, width) + load(b + i, width), Element.self)
                    let right = rounded(load(c + i, width) + load(d + i, width), Element.self)
                    let sum = rounded(left + right, Element.self)
                    squares.add(sum)
                    store(sum, target + i, width)
                }
            }
        default:
            for (offsets, width) in vectors(count) {
                for i in offsets {
                    let sum = node(parts, 0, parts.count, i, width)
                    squares.add(sum)
                    store(sum, target + i, width)
                }
            }
        }
        return squares.total
    }

    private static func node<Element: Storage>(
        _ parts: UnsafeBufferPointer<UnsafePointer<Element>>, _ first: Int, _ count: Int, _ i: Int, _ width: Int
    ) -> SIMD16<Float> {
        if count == 1 { return load(parts[first] + i, width) }
        let middle = split(count)
        return rounded(
            node(parts, first, middle, i, width) + node(parts, first + middle, count - middle, i, width), Element.self)
    }

    /// Returns the values rounded to `Element`.
    @inline(__always)
    static func rounded<Element: Storage>(_ x: SIMD16<Float>, _: Element.Type) -> SIMD16<Float> {
        if Element.self == Float.self { return x }
        return withUnsafeTemporaryAllocation(of: Element.self, capacity: lanes) { buffer in
            store(x, buffer.baseAddress!, lanes)
            return load(buffer.baseAddress!, lanes)
        }
    }
}
