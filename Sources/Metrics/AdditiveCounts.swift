/// Whole numbers that describe a part of the data, such that those of two parts add up to those of both.
///
/// Ranks count what is theirs and sum `values` number by number; integers come out the same in any order, and so does
/// the score that is computed from them.
package protocol AdditiveCounts: Equatable, Sendable {
    /// All counts, in the type's own order. Their number stays as it is.
    var values: [Int64] { get set }
}

extension AdditiveCounts {
    /// Adds the counts of another part of the data, counted in the same way.
    package static func += (left: inout Self, right: Self) {
        precondition(left.values.count == right.values.count, "counts of the same kind")
        for index in left.values.indices { left.values[index] += right.values[index] }
    }
}
