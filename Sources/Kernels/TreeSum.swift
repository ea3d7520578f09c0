/// The balanced binary tree that *defines* the sum of n equal parts.
///
/// A tree over n leaves splits at the largest power of two below n, so a rank that holds an aligned power of two of
/// the leaves can sum its own subtree, and whoever goes on with the subtrees gets the bits of the whole tree.
package enum TreeSum {
    /// Where the tree over `count` ≥ 2 leaves splits: the number of leaves on its left.
    @inline(__always)
    package static func split(_ count: Int) -> Int { 1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount) }

    /// The tree sum of a few numbers.
    package static func sum(_ values: UnsafeBufferPointer<Double>) -> Double {
        if values.isEmpty { return 0 }
        if values.count == 1 { return values[0] }
        let middle = split(values.count)
        return sum(UnsafeBufferPointer(rebasing: values[..<middle]))
            + sum(UnsafeBufferPointer(rebasing: values[middle...]))
    }

    /// target[i] = the tree sum over all parts of part[i], each node rounded to the element's type.
    ///
    /// - Parameters:
    ///   - parts: At least one pointer to `count` numbers each.
    ///   - target: It may be one of the parts.
    /// - Returns: The sum of squares of the results, with the bits of `sumOfSquares`.
    /// - Complexity: O(parts · count), one pass over memory, on the calling thread; allocates nothing.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
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
            // Loops without closures, which would keep the squares in memory.
            var i = 0
            while i < count {
                let width = min(lanes, count - i)
                let sum = rounded(load(a + i, width) + load(b + i, width), Element.self)
                squares.add(sum)
                store(sum, target + i, width)
                i += lanes
            }
        case 4:
            let (a, b, c, d) = (parts[0], parts[1], parts[2], parts[3])
            var i = 0
            while i < count {
                let width = min(lanes, count - i)
                let left = rounded(load(a + i, width) + load(b + i, width), Element.self)
                let right = rounded(load(c + i, width) + load(d + i, width), Element.self)
                let sum = rounded(left + right, Element.self)
                squares.add(sum)
                store(sum, target + i, width)
                i += lanes
            }
        default:
            var i = 0
            while i < count {
                let width = min(lanes, count - i)
                let sum = node(parts, 0, parts.count, i, width)
                squares.add(sum)
                store(sum, target + i, width)
                i += lanes
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

    /// The numbers as `Element` would store them.
    @inline(__always)
    static func rounded<Element: Storage>(_ x: SIMD16<Float>, _: Element.Type) -> SIMD16<Float> {
        if Element.self == Float.self { return x }
        return withUnsafeTemporaryAllocation(of: Element.self, capacity: lanes) { buffer in
            Element.store(x, buffer.baseAddress!)
            return Element.load(buffer.baseAddress!)
        }
    }
}
