import Tensors

/// A range of the arena that is sent at once, and the section whose gradients complete it.
struct Bucket: Equatable {
    let range: Range<Int>
    let section: Int

    /// Divides the first `count` elements of an arena, whole chunks, into buckets of at most `largest` elements, also whole
    /// chunks. Buckets are in the order in which they become final: from the end of the arena to its start.
    ///
    /// - Parameter count: At least the number of elements of `layout`; the elements after those belong to no section.
    static func all(_ layout: ParameterLayout, count: Int, largest: Int) -> [Bucket] {
        stride(from: count, to: 0, by: -largest).map { end in
            let range = max(end - largest, 0)..<end
            let section = layout.sections.firstIndex { $0.upperBound > range.lowerBound } ?? 0
            return Bucket(range: range, section: section)
        }
    }
}

extension AveragingConfiguration {
    /// The size of a bucket that each of `ranks` ranks owns a block of, in elements of `stride` bytes: as close to
    /// `bucketBytes` as whole chunks allow, but at least a chunk for each rank.
    func bucketElements(stride: Int, ranks: Int) -> Int {
        let unit = chunkElements * ranks
        return max(bucketBytes / stride / unit, 1) * unit
    }
}
