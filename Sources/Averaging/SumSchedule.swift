import Numbers
import Tensors

/// The order in which a rank adds given nodes of the tree over ranks, so that their sum has the bits of `TreeSum` over
/// all of these ranks.
struct SumSchedule: Equatable {
    /// Each list is added along `TreeSum`, into its first part; the last yields the root. The numbers are indices of
    /// the given nodes.
    let sums: [[Int]]

    /// The sum of `ranks`, a node of the tree, from `leaves`: nodes of the tree that cover it, in rank order.
    ///
    /// - Parameter spansLevels: Whether one addition may cover several levels of the tree; no node within it can be
    ///   rounded to a format other than the element type.
    init(of ranks: Range<Int>, from leaves: [Range<Int>], spansLevels: Bool) {
        var sums: [[Int]] = []
        func joined(_ list: [Int]) -> Int {
            if list.count > 1 { sums.append(list) }
            return list[0]
        }
        /// The nodes from which `TreeSum` computes the node over `ranks`.
        func parts(_ ranks: Range<Int>) -> [Int] {
            if let leaf = leaves.firstIndex(of: ranks) { return [leaf] }
            let middle = ranks.lowerBound + TreeSum.split(ranks.count)
            let (left, right) = (parts(ranks.lowerBound..<middle), parts(middle..<ranks.upperBound))
            if spansLevels, left.count == TreeSum.split(left.count + right.count) { return left + right }
            return [joined(left), joined(right)]
        }
        let root = parts(ranks)
        self.sums = sums + [root]
    }

    /// Adds one chunk.
    ///
    /// - Parameters:
    ///   - parts: The chunk of each leaf, `count` elements; overwritten.
    ///   - target: Receives the sum; may be one of the parts.
    ///   - round: Rounds every computed node but the root, and with `roundsRoot` also that.
    /// - Returns: The sum of squares of the result before it was rounded.
    func add<Element: Storage>(
        _ parts: UnsafeMutableBufferPointer<UnsafeMutablePointer<Element>>, into target: UnsafeMutablePointer<Element>,
        count: Int, round: NodeRounding?, roundsRoot: Bool
    ) -> Double {
        var squares = 0.0
        for (number, sum) in sums.enumerated() {
            let isRoot = number == sums.count - 1
            let result = isRoot ? target : parts[sum[0]]
            squares = withUnsafeTemporaryAllocation(of: UnsafePointer<Element>.self, capacity: sum.count) { pointers in
                for (index, part) in sum.enumerated() {
                    pointers.initializeElement(at: index, to: UnsafePointer(parts[part]))
                }
                return TreeSum.sum(UnsafeBufferPointer(pointers), into: result, count: count)
            }
            // Only Float32 gradients are rounded.
            if let round, !isRoot || roundsRoot {
                round(UnsafeMutableRawPointer(result).assumingMemoryBound(to: Float.self), count)
            }
        }
        return squares
    }
}

/// Returns the largest nodes of the tree over `count` ranks that lie within one of `nodes`, which cover the ranks; in
/// rank order.
func subtrees(_ count: Int, within nodes: [Range<Int>]) -> [Range<Int>] {
    func divide(_ ranks: Range<Int>) -> [Range<Int>] {
        if nodes.contains(where: { $0.clamped(to: ranks) == ranks }) { return [ranks] }
        let middle = ranks.lowerBound + TreeSum.split(ranks.count)
        return divide(ranks.lowerBound..<middle) + divide(middle..<ranks.upperBound)
    }
    return divide(0..<count)
}
