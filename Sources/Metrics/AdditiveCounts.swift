/// Integer counts over a part of the data; the counts of two parts add up to the counts of both.
///
/// Each rank counts its own samples, and `values` are summed elementwise over ranks. Integer sums do not depend on
/// their order, so the score computed from them does not either.
package protocol AdditiveCounts: Equatable, Sendable {
    /// All counts, in an order that the type defines. The number of elements never changes.
    var values: [Int64] { get set }
}

extension AdditiveCounts {
    /// Adds the counts of another part of the data, which must be of the same kind.
    package static func += (left: inout Self, right: Self) {
        precondition(left.values.count == right.values.count, "the counts are of different kinds")
        for index in left.values.indices { left.values[index] += right.values[index] }
    }
}
