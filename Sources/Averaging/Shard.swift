/// The elements of the arenas that one rank owns: it reduces their gradients, keeps their optimizer state and updates
/// their weights. The shards of all ranks cover the arena without overlap.
///
/// Optimizer state is allocated only for the shard, with its elements stored contiguously.
///
/// - Source: Rajbhandari et al. 2020, "ZeRO: memory optimizations toward training trillion parameter models", stage 1.
package struct Shard: Equatable, Sendable {
    /// The elements, in ascending order; each range starts at a chunk boundary, and some may be empty.
    package let ranges: [Range<Int>]
    /// The offset of each range in the shard's own arenas.
    package let starts: [Int]
    /// The number of elements.
    package let count: Int

    /// A contiguous range of the arena that is also contiguous in the shard.
    package struct Piece: Equatable, Sendable {
        /// The elements, as indices of the whole arena.
        package let range: Range<Int>
        /// The offset of the first element in the shard's own arenas.
        package let start: Int
    }

    /// Creates the shard that consists of `ranges`.
    init(_ ranges: [Range<Int>]) {
        var (starts, count): ([Int], Int) = ([], 0)
        for range in ranges {
            starts.append(count)
            count += range.count
        }
        (self.ranges, self.starts, self.count) = (ranges, starts, count)
    }

    /// The pieces of `range` that belong to the shard, in ascending order.
    package func pieces(of range: Range<Int>) -> [Piece] {
        zip(ranges, starts).compactMap { own, start in
            let common = own.clamped(to: range)
            return common.isEmpty ? nil : Piece(range: common, start: start + common.lowerBound - own.lowerBound)
        }
    }
}

/// The number of elements whose squares are summed together, so that a norm's bits do not depend on the number of
/// ranks.
package let chunkElements = 1 << 14

/// Part `index` of `count` nearly equal parts of an arena, each of whole chunks; together the parts cover the arena.
func chunkAlignedPart(_ index: Int, of count: Int, arenaCount: Int) -> Range<Int> {
    let chunks = (arenaCount + chunkElements - 1) / chunkElements
    func border(_ i: Int) -> Int { min(chunks * i / count * chunkElements, arenaCount) }
    return border(index)..<border(index + 1)
}
