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
    ///
    /// - Parameters:
    ///   - count: The number of elements of the arena.
    ///   - peers: The number of ranks with which a rank exchanges messages.
    func bucketElements(of count: Int, stride: Int, ranks: Int, peers: Int) -> Int {
        let unit = chunkElements * ranks
        let bytes = bucketBytes ?? AveragingConfiguration.bucketBytes(arenaBytes: count * stride, peers: peers)
        return max(bytes / stride / unit, 1) * unit
    }

    /// The size of buckets if none is configured, in bytes.
    ///
    /// A rank sends and receives a message of gradients and one of weights for each bucket and peer, so n buckets take
    /// 4 · n · peers · o, where o is the time of starting a message. Large buckets leave the network idle until the
    /// first is complete, and again until the first block can compute: 2 · arenaBytes / n / bandwidth. The sum is least
    /// for buckets of √(2 · arenaBytes · peers · o · bandwidth) bytes. The product o · bandwidth is assumed, because
    /// all ranks must choose the same size before they know the network. A wrong one costs little: twice the best size
    /// costs a quarter more of this sum.
    static func bucketBytes(arenaBytes: Int, peers: Int) -> Int {
        let best = (2 * Double(arenaBytes) * Double(peers) * bytesPerMessageTime).squareRoot()
        return Int(min(max(best, Double(smallestBucketBytes)), Double(largestBucketBytes)))
    }

    /// The bytes that a link carries in the time of starting a message: 0.7 µs at 100 Gbit/s, 6.6 µs at 10 Gbit/s.
    private static let bytesPerMessageTime = 8192.0
    /// Smaller buckets hide little more of a small model's messages.
    private static let smallestBucketBytes = 4 << 20
    /// The largest size that may be configured.
    package static let largestBucketBytes = 256 << 20
}
