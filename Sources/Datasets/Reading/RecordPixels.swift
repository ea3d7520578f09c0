import Failures
import Files

/// The images of a split's records, read where they lie on the disk.
final class RecordPixels {
    private let shape: ImageShape
    private let shards: [RecordedFile]
    /// The index of each shard's first record.
    private let starts: [Int]
    private let directory: String
    /// Opened when first read. A shard has 800 MB, so that they are few.
    private var files: [OpenPixels?]

    init(_ shape: ImageShape, _ shards: [RecordShard], _ directory: String) {
        self.shape = shape
        self.shards = shards.compactMap(\.pixels)
        var starts: [Int] = []
        var total = 0
        for shard in shards {
            starts.append(total)
            total += shard.count
        }
        self.starts = starts
        self.directory = directory
        files = starts.map { _ in nil }
    }

    func read(_ record: Int, into bytes: UnsafeMutablePointer<UInt8>) throws(Failure) {
        var index = 0
        while index + 1 < starts.count, starts[index + 1] <= record { index += 1 }
        if files[index] == nil { files[index] = OpenPixels(try File(checking: shards[index], in: directory)) }
        let buffer = UnsafeMutableRawBufferPointer(start: bytes, count: shape.byteCount)
        try files[index]?.file.read(into: buffer, at: (record - starts[index]) * shape.byteCount)
    }
}

/// A file in a box, since a file is not copyable and an array's elements are.
private final class OpenPixels {
    let file: File
    init(_ file: consuming File) { self.file = file }
}
