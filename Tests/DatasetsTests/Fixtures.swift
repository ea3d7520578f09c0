import Failures
import Files
import TestSupport
import Testing

@testable import Datasets

extension TemporaryDirectory {
    /// Writes a file into the directory.
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

    /// Overwrites bytes of a file, and cuts or extends it to `size`.
    func change(_ name: String, at offset: Int = 0, to bytes: [UInt8] = [], size: Int? = nil) throws {
        var contents = try FileSystem.contents(of: file(name))
        contents.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        if let size {
            contents = Array(contents.prefix(size)) + [UInt8](repeating: 0, count: max(0, size - contents.count))
        }
        try write(contents, to: name)
    }

    /// Writes a shard in one of the formats.
    @discardableResult
    func writeShard(_ tokens: [Int32], to name: String, format: TokenShardFormat) throws -> DatasetManifest.Shard {
        var writer = try TokenShardWriter(file(name), format: format)
        try writer.append(tokens[...])
        return try writer.finish()
    }

    /// Writes a manifest that was changed on purpose, under a seal of its own.
    func writeManifest(_ text: String) throws {
        let body = Array(text[..<(try #require(text.firstRange(of: ",\n  \"manifest_xxh3_128\"")).lowerBound)].utf8)
        try write(body + Array(DatasetManifest.seal(body).utf8), to: "data/dataset.json")
    }

    /// Prepares `text` as bytes, all of it as training data unless told otherwise.
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

/// All tokens of a split, read in one call.
func tokens(_ stream: TokenStream) throws -> [Int32] {
    try tokens(stream, 0..<stream.tokenCount)
}

/// Some tokens of a split.
func tokens(_ stream: TokenStream, _ range: Range<Int>) throws -> [Int32] {
    let place = UnsafeMutablePointer<Int32>.allocate(capacity: range.count)
    defer { place.deallocate() }
    try stream.read(at: range.lowerBound, count: range.count, into: place)
    return Array(UnsafeBufferPointer(start: place, count: range.count))
}
