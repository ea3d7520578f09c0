import Tensors

/// A range of the arena that is sent at once, and the section whose gradients complete it.
struct Bucket: Equatable {
    let range: Range<Int>
    let section: Int

    /// Divides the first `count` elements of an arena into buckets of at most `largest` elements, all multiples of
    /// `unit`. Buckets are in the order in which they become final: from the end of the arena to its start.
    ///
    /// The first two sections (embeddings, and the first attention) become final at the end of the backward pass, and
    /// the next forward pass needs them first. A bucket ends where they do, so that nothing else is sent so late, or
    /// awaited so early.
    ///
    /// - Parameter count: At least the number of elements of `layout`; the elements after those belong to no section.
    static func all(_ layout: ParameterLayout, count: Int, unit: Int, largest: Int) -> [Bucket] {
        let ends = layout.sections.prefix(2).last?.upperBound ?? 0
        let border = min((ends + unit - 1) / unit * unit, count)
        return [border..<count, 0..<border].flatMap { part in
            stride(from: part.upperBound, to: part.lowerBound, by: -largest).map { end in
                let range = max(end - largest, part.lowerBound)..<end
                let section = layout.sections.firstIndex { $0.upperBound > range.lowerBound } ?? 0
                return Bucket(range: range, section: section)
            }
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
