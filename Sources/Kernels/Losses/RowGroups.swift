import Glibc
import Numbers
import Tensors

// R rows, G groups of consecutive rows, M different means, C hidden size.

/// Groups of consecutive rows, and the mean of each.
package struct RowGroups {
    /// [G]: the last row of each group.
    package let ends: UnsafePointer<Int32>
    /// [G]: the number of rows of each group, at least 1.
    package let sizes: UnsafePointer<Int32>
    /// G.
    package let count: Int

    /// Groups with the given properties.
    package init(ends: UnsafePointer<Int32>, sizes: UnsafePointer<Int32>, count: Int) {
        (self.ends, self.sizes, self.count) = (ends, sizes, count)
    }

    /// The rows of group `g`.
    @inline(__always)
    func rows(of g: Int) -> ClosedRange<Int> { Int(ends[g]) - Int(sizes[g]) + 1...Int(ends[g]) }

    /// Whether all groups have one row.
    package var areSingle: Bool { (0..<count).allSatisfy { sizes[$0] == 1 } }
}

/// Computes the mean of the rows of each group. Consecutive groups of one row each that are equal share a mean, which
/// then stays in a smaller cache.
///
/// - Parameters:
///   - rows: [R, C].
///   - means: [M, C], M ≤ G.
///   - numbers: [G]: receives the mean of each group.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func groupMeans<Element: Storage>(
    _ rows: UnsafePointer<Element>, _ groups: RowGroups, into means: UnsafeMutablePointer<Float>,
    numbers: UnsafeMutablePointer<Int32>, width C: Int
) {
    let bytes = C * MemoryLayout<Element>.stride
    var count: Int32 = 0
    for g in 0..<groups.count {
        let end = Int(groups.ends[g])
        let isEqual =
            g > 0 && groups.sizes[g] == 1 && groups.sizes[g - 1] == 1
            && memcmp(rows + end * C, rows + Int(groups.ends[g - 1]) * C, bytes) == 0
        if !isEqual { count += 1 }
        numbers[g] = count - 1
    }
    parallelRows(groups.count, columns: C) { range in
        for g in range where g == 0 || numbers[g] != numbers[g - 1] {
            let mean = means + Int(numbers[g]) * C
            mean.update(repeating: 0, count: C)
            for row in groups.rows(of: g) {
                addProduct(rows + row * C, factor: 1 / Float(groups.sizes[g]), accumulatingInto: mean, count: C)
            }
        }
    }
}

/// Computes the backward pass of `groupMeans`; rows outside all groups become 0.
///
/// - Parameters:
///   - meanGradient: [G, C].
///   - rowGradient: [R, C], overwritten.
package func groupMeansBackward(
    _ meanGradient: UnsafePointer<Float>, _ groups: RowGroups, into rowGradient: UnsafeMutablePointer<Float>,
    rows R: Int, width C: Int
) {
    rowGradient.update(repeating: 0, count: R * C)
    parallelRows(groups.count, columns: C) { range in
        for g in range {
            for row in groups.rows(of: g) {
                addProduct(
                    meanGradient + g * C, factor: 1 / Float(groups.sizes[g]), accumulatingInto: rowGradient + row * C,
                    count: C)
            }
        }
    }
}

/// Sets the rows outside of all groups to 0.
///
/// - Parameter rows: [R, C].
package func clearRows(outside groups: RowGroups, _ rows: UnsafeMutablePointer<Float>, rows R: Int, width C: Int) {
    var next = 0
    for g in 0..<groups.count {
        let range = groups.rows(of: g)
        (rows + next * C).update(repeating: 0, count: (range.lowerBound - next) * C)
        next = range.upperBound + 1
    }
    (rows + next * C).update(repeating: 0, count: (R - next) * C)
}
