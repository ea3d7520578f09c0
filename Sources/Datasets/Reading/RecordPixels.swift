import Tensors
import Failures
import Files

/// The images of a split's records, read from disk on demand.
final class RecordPixels {
    private let shape: ImageShape
    /// The index of each shard's first record.
    private let starts: [Int]
    private let files: ShardFiles

    init(_ shape: ImageShape, _ shards: [RecordShard], _ directory: String) throws(Failure) {
        self.shape = shape
        var starts: [Int] = []
        var total = 0
        for shard in shards {
            starts.append(total)
            total += shard.count
        }
        self.starts = starts
        var entries: [ShardFiles.Entry] = []
        for recorded in shards.compactMap(\.pixels) {
            let file = try File(checking: recorded, in: directory)
            entries.append(.init(path: file.path, stamp: try file.stamp(), digest: recorded.digest))
        }
        files = ShardFiles(entries)
    }

    func read(_ record: Int, into bytes: UnsafeMutablePointer<UInt8>) throws(Failure) {
        var index = 0
        while index + 1 < starts.count, starts[index + 1] <= record { index += 1 }
        let buffer = UnsafeMutableRawBufferPointer(start: bytes, count: shape.byteCount)
        try files.file(index).file.read(into: buffer, at: (record - starts[index]) * shape.byteCount)
    }
}
