import Tensors
import Failures
import Files
import TestSupport

@testable import Datasets
@testable import Preparation

extension FuzzedReader {
    /// A token file, with or without a header.
    static let tokenShard = FuzzedReader(name: "token-shard", refusals: [.badData]) {
        let tokens: [Int32] = [0, 1, 255, 65_535, 7]
        return try TokenShardFormat.allCases.map { format in
            try TemporaryDirectory().bytes { path in
                var writer = try TokenShardWriter(path, format: format)
                try writer.append(tokens[...])
                _ = try writer.finish()
            }
        }
    } open: { directory in
        return { bytes in
            let path = try directory.file("train.bin", holding: bytes)
            let shard = try TokenShard(checking: path, allowingHeaderless: true)
            try Defect.unless(shard.byteCount == bytes.count, "\(shard.byteCount) bytes are promised")
            let vocabulary = 1 << 16
            let stream = TokenStream(name: "fuzzed", shards: [shard, shard], vocabularySize: vocabulary)
            try Defect.unless(stream.tokenCount == 2 * shard.tokenCount, "another number of tokens")
            let tokens = try read(stream)
            try Defect.unless(tokens.allSatisfy { 0..<Int32(vocabulary) ~= $0 }, "a token outside the vocabulary")
            try Defect.unless(
                tokens.prefix(shard.tokenCount) == tokens.suffix(shard.tokenCount), "a shard that is read twice differs"
            )
            _ = try TokenShard.digest(ofFile: path)
            // Files that pass verification are readable.
            let small = 300
            let isVerified = (try? shard.verify(vocabularySize: small) { _ in }) != nil
            try Defect.unless(
                isVerified == tokens.allSatisfy { $0 < small }, "verification judges otherwise than reading")
        }
    }

    /// The files of a record shard: a byte for the kind, then the end offsets, the labels or pixels, and the tokens.
    static let recordShard = FuzzedReader(name: "record-shard", refusals: [.badData]) {
        let ends = littleEndian(UInt32(2), 3)
        let tokens = try TemporaryDirectory().bytes { path in
            var writer = try TokenShardWriter(path, format: .uint16)
            try writer.append([104, 105, 33])
            _ = try writer.finish()
        }
        let labels: [[UInt8]] = [
            littleEndian(UInt32(0), 2), [0b101, 0b010], littleEndian(Float(0.5).bitPattern, Float(-3).bitPattern),
        ]
        let labelled = labels.enumerated().map { kind, labels in [UInt8(kind)] + joined([ends, labels, tokens]) }
        let images: [UInt8] = [3] + joined([[], littleEndian(UInt32(1), 0), Array(0..<12)])
        return labelled + [images]
    } open: { directory in
        return { bytes in
            let kind = Int(bytes.first ?? 0) % 4
            let files = parts(3, of: Array(bytes.dropFirst()))
            try kind == 3
                ? readImages(files, directory)
                : readLabelled(files, [LabelDescription.Kind.class, .multi, .number][kind], directory)
        }
    }

    private static func read(_ stream: TokenStream) throws -> [Int32] {
        var tokens = [Int32](repeating: -1, count: stream.tokenCount)
        try tokens.withUnsafeMutableBufferPointer { place in
            try stream.read(at: 0, count: place.count, into: place.baseAddress!)
        }
        return tokens
    }

    /// The entry that the manifest would have for a file.
    private static func record(
        _ name: String, _ bytes: [UInt8], in directory: TemporaryDirectory
    ) throws -> RecordedFile {
        _ = try directory.file(name, holding: bytes)
        return RecordedFile(file: name, bytes: bytes.count, digest: Digest.of(bytes))
    }

    private static func readLabelled(
        _ files: [[UInt8]], _ kind: LabelDescription.Kind, _ directory: TemporaryDirectory
    ) throws {
        let labels = LabelDescription(kind: kind, names: kind == .number ? [] : ["a", "b", "c"])
        // The manifest is checked first: files of inconsistent sizes are rejected before they are read.
        let count = files[0].count / RecordLayout.endBytes
        let ends = try record("ends", Array(files[0].prefix(count * RecordLayout.endBytes)), in: directory)
        guard count > 0, files[1].count == count * labels.labelBytes else {
            throw Failure(.badData, "sizes that the manifest's check refuses")
        }
        let labelFile = try record("labels", files[1], in: directory)
        let tokenFile = try record("tokens", files[2], in: directory)
        let tokens = try TokenShard(checking: directory.file("tokens"))
        let column = RecordShard.Column(
            tokens: .init(
                file: tokenFile.file, tokens: tokens.tokenCount, bytes: tokenFile.bytes, digest: tokenFile.digest),
            ends: ends)
        let records = try Records(
            name: "fuzzed", directory: directory.path,
            shards: [RecordShard(count: count, columns: ["text": column], labels: labelFile)],
            layout: RecordLayout(columns: [.text], labels: labels, image: nil), vocabularySize: 262)
        var total = 0
        for index in 0..<records.count {
            let length = records.length(index, .text)
            try Defect.unless(length > 0, "a record of \(length) tokens")
            total += length
            var row = [Int32](repeating: -1, count: length)
            try records.read(index, .text, from: 0, count: length, into: &row)
            try Defect.unless(row.allSatisfy { 0..<262 ~= $0 }, "a token outside the vocabulary")
            switch kind {
            case .class: try Defect.unless(0..<3 ~= records.classIndex(of: index), "a class outside the classes")
            case .number: try Defect.unless(records.number(of: index).isFinite, "a label that is not finite")
            case .multi:
                var targets = [Float](repeating: -1, count: 3)
                records.classes(of: index, into: &targets)
                try Defect.unless(targets.allSatisfy { $0 == 0 || $0 == 1 }, "a target of \(targets)")
            }
        }
        try Defect.unless(total == tokens.tokenCount, "records of \(total) of \(tokens.tokenCount) tokens")
    }

    private static func readImages(_ files: [[UInt8]], _ directory: TemporaryDirectory) throws {
        let shape = ImageShape(height: 2, width: 1, channels: 3)
        let labels = LabelDescription(kind: .class, names: ["a", "b"])
        let count = files[2].count / shape.byteCount
        guard count > 0, files[2].count == count * shape.byteCount, files[1].count == count * labels.labelBytes else {
            throw Failure(.badData, "sizes that the manifest's check refuses")
        }
        let shard = RecordShard(
            count: count, columns: [:], labels: try record("labels", files[1], in: directory),
            pixels: try record("pixels", files[2], in: directory))
        let records = try Records(
            name: "fuzzed", directory: directory.path, shards: [shard],
            layout: RecordLayout(columns: [], labels: labels, image: shape), vocabularySize: 256)
        for index in 0..<records.count {
            var pixels = [UInt8](repeating: 0, count: shape.byteCount)
            try records.pixels(of: index, into: &pixels)
            try Defect.unless(
                pixels.elementsEqual(files[2][index * shape.byteCount..<(index + 1) * shape.byteCount]),
                "pixels of another image")
            try Defect.unless(0..<2 ~= records.classIndex(of: index), "a class outside the classes")
        }
    }
}
