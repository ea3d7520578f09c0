import Failures
import Files
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

extension Dataset {
    /// Opens a dataset and reads every shard to check its hash and tokens.
    static func verified(_ directory: String, vocabularySize: Int? = nil) throws(Failure) -> Dataset {
        let dataset = try open(directory, vocabularySize: vocabularySize)
        try dataset.verifyShards()
        return dataset
    }
}

extension TemporaryDirectory {
    /// Writes a file to the directory.
    ///
    /// - Returns: Its path.
    @discardableResult
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        let file = try File(self.file(name), .create)
        try bytes.withUnsafeBytes { try file.write($0) }
        return self.file(name)
    }

    @discardableResult
    func write(_ text: String, to name: String) throws -> String { try write(Array(text.utf8), to: name) }

    /// Overwrites bytes of a file, and truncates or extends it to `size`.
    func change(_ name: String, at offset: Int = 0, to bytes: [UInt8] = [], size: Int? = nil) throws {
        var contents = try FileSystem.contents(of: file(name))
        contents.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        if let size {
            contents = Array(contents.prefix(size)) + [UInt8](repeating: 0, count: max(0, size - contents.count))
        }
        try write(contents, to: name)
    }

    /// Writes a shard in the given format.
    @discardableResult
    func writeShard(_ tokens: [Int32], to name: String, format: TokenShardFormat) throws -> DatasetManifest.Shard {
        var writer = try TokenShardWriter(file(name), format: format)
        try writer.append(tokens[...])
        return try writer.finish()
    }

    /// Writes a modified manifest with a valid checksum.
    func writeManifest(_ text: String) throws {
        let body = Array(text[..<(try #require(text.firstRange(of: ",\n  \"manifest_xxh3_128\"")).lowerBound)].utf8)
        try write(body + Array(DatasetManifest.seal(body).utf8), to: "data/dataset.json")
    }

    /// Prepares `text` with the byte tokenizer, by default all of it as training data.
    @discardableResult
    func prepare(
        _ text: String, validationFraction: Double = 0, tokensPerShard: Int = 1_000
    ) throws -> DatasetManifest {
        var preparation = DatasetPreparation(texts: [try write(text, to: "text")], output: file("data"))
        preparation.validationFraction = validationFraction
        preparation.tokensPerShard = tokensPerShard
        return try preparation.run()
    }
}

/// Reads all tokens of a split in one call.
func tokens(_ stream: TokenStream) throws -> [Int32] {
    try tokens(stream, 0..<stream.tokenCount)
}

/// Reads a range of a split's tokens.
func tokens(_ stream: TokenStream, _ range: Range<Int>) throws -> [Int32] {
    let place = UnsafeMutablePointer<Int32>.allocate(capacity: range.count)
    defer { place.deallocate() }
    try stream.read(at: range.lowerBound, count: range.count, into: place)
    return Array(UnsafeBufferPointer(start: place, count: range.count))
}
