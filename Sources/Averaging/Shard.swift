/// The part of the arenas that one rank looks after: the elements whose gradients it averages, whose optimizer state it
/// keeps, and whose weights it updates. All shards together are the arena, and no two overlap.
///
/// State exists for the shard alone, its elements one after another.
///
/// - Source: Rajbhandari et al. 2020, "ZeRO: memory optimizations toward training trillion parameter models", stage 1.
package struct Shard: Equatable, Sendable {
    /// Its elements, ascending; each range starts on a chunk's border, and some may be empty.
    package let ranges: [Range<Int>]
    /// Where each range starts in the shard's own arenas.
    package let starts: [Int]
    /// The number of its elements.
    package let count: Int

    /// A part of some elements of the arena that stands together in the shard.
    package struct Piece: Equatable, Sendable {
        /// The elements, in the whole arena.
        package let range: Range<Int>
        /// Where they start in the shard's own arenas.
        package let start: Int
    }

    /// The shard of `ranges`.
    init(_ ranges: [Range<Int>]) {
        var (starts, count): ([Int], Int) = ([], 0)
        for range in ranges {
            starts.append(count)
            count += range.count
        }
        (self.ranges, self.starts, self.count) = (ranges, starts, count)
    }

    /// What the shard holds of `range`, ascending.
    package func pieces(of range: Range<Int>) -> [Piece] {
        zip(ranges, starts).compactMap { own, start in
            let common = own.clamped(to: range)
            return common.isEmpty ? nil : Piece(range: common, start: start + common.lowerBound - own.lowerBound)
        }
    }
}

/// The number of elements whose squares are summed together, so that a norm has the same bits for any number of ranks.
package let chunkElements = 1 << 14

/// The `index`-th of `count` nearly equal parts of an arena, in whole chunks; all parts together are the arena.
func chunkAlignedPart(_ index: Int, of count: Int, arenaCount: Int) -> Range<Int> {
    let chunks = (arenaCount + chunkElements - 1) / chunkElements
    func border(_ i: Int) -> Int { min(chunks * i / count * chunkElements, arenaCount) }
    return border(index)..<border(index + 1)
}
