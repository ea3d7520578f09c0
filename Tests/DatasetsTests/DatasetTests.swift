import Files
import Glibc
import TestSupport
import Testing

@testable import Datasets
@testable import Tokenizers

@Suite struct DatasetTests {
    let directory: TemporaryDirectory

    init() { directory = TemporaryDirectory() }

    @Test func opensPreparedDataset() throws {
        try directory.prepare("0123456789", validationFraction: 0.3, tokensPerShard: 4)
        let dataset = try Dataset.open(directory.file("data"))
        #expect(dataset.vocabularySize == 256)
        #expect(dataset.tokenizer == TokenizerDescription(kind: .byte))
        #expect(dataset.tokenCount(.train) == 7)
        #expect(try tokens(dataset.stream(.train)) == Array("0123456".utf8).map(Int32.init))
        #expect(try tokens(dataset.stream(.validation)) == Array("789".utf8).map(Int32.init))
    }

    @Test func verificationFindsChangedShard() throws {
        try directory.prepare("0123456789", tokensPerShard: 4)
        try directory.change("data/train-00001.bin", at: 1026, to: [0x40])
        // Only the hash shows the change.
        let dataset = try Dataset.open(directory.file("data"))
        expectFailure(.badData, "train-00001.bin", "hash changed") { try dataset.verifyShards() }
        expectFailure(.badData, "train-00001.bin") { _ = try Dataset.verified(directory.file("data")) }
    }

    @Test func verificationReportsAllBytes() throws {
        let manifest = try directory.prepare("0123456789", validationFraction: 0.3, tokensPerShard: 4)
        let total = (manifest.splits.train + manifest.splits.validation).reduce(0) { $0 + $1.bytes }
        var last: [Int] = []
        try Dataset.open(directory.file("data")).verifyShards { last = [$0, $1] }
        #expect(last == [total, total])
    }

    @Test func reportsShardsThatDifferFromManifest() throws {
        try directory.prepare("0123456789", tokensPerShard: 4)
        try directory.writeShard([1, 2], to: "data/train-00000.bin", format: .uint16)
        expectFailure(.badData, "train-00000.bin", "2 tokens in 1028 bytes", "4 in 1032") {
            _ = try Dataset.open(directory.file("data"))
        }
        try directory.change("data/train-00000.bin", size: 1027)
        expectFailure(.badData, "train-00000.bin", "holds 1027 bytes") { _ = try Dataset.open(directory.file("data")) }
        try FileSystem.remove(directory.file("data/train-00000.bin"))
        expectFailure(.badData, "train-00000.bin", "No such file") { _ = try Dataset.open(directory.file("data")) }
        mkfifo(directory.file("data/train-00000.bin"), 0o644)
        expectFailure(.badData, "train-00000.bin", "regular file") { _ = try Dataset.open(directory.file("data")) }
    }

    @Test(arguments: [
        ("train-00000.bin", "../text", "splits.train[0].file"),
        ("train-00000.bin", "/etc/passwd", "splits.train[0].file"),
        // A slash followed by a combining accent is one `Character`, but still a path separator; a zero byte ends a
        // name.
        ("train-00000.bin", "a/\u{301}.bin", "splits.train[0].file"),
        ("train-00000.bin", "train-00000.bin\\u0000x", "splits.train[0].file"),
        ("\"version\" : 3", "\"version\" : 3, \"version\" : 3", "\"version\" occurs more than once"),
        ("\"version\" : 3", "\"version\" : 3, \"x\" : 1, \"x\" : 2", "\"x\" occurs more than once"),
        ("\"version\" : 3", "\"version\" : 3, \"x\" : " + String(repeating: "[", count: 100_000), "dataset.json"),
        ("train-00001.bin", "train-00000.bin", "is listed more than once"),
        ("\"version\" : 3", "\"version\" : 4", "version 4"),
        ("\"version\" : 3", "\"edition\" : 3", "version: is missing"),
        ("\"kind\" : \"text\"", "\"kind\" : \"images\"", "kind is images"),
        ("\"kind\" : \"text\"", "\"kind\" : \"sounds\"", "kind: "),
        ("\"tokens\" : 4", "\"tokens\" : 4294967296", "splits.train[0].tokens is 4294967296"),
        ("\"tokens\" : 4", "\"tokens\" : 99999999999999999999", "dataset.json: not a dataset manifest"),
        ("\"tokens\" : 4", "\"tokens\" : -1", "splits.train[0].tokens is -1"),
        ("\"tokens\" : 4", "\"tokens\" : \"4\"", "splits.train[0].tokens: "),
        ("\"bytes\" : 1032", "\"bytes\" : 9223372036854775807", "says 4 in 9223372036854775807"),
        ("\"xxh3_128\" : \"", "\"xxh3_128\" : \"00", "splits.train[0].xxh3_128"),
        ("\"vocabulary_size\" : 256", "\"vocabulary_size\" : 0", "vocabulary_size is 0"),
        ("\"vocabulary_size\" : 256", "\"vocabulary_size\" : 300", "300 tokens"),
        ("\"kind\" : \"byte\"", "\"kind\" : \"runes\"", "tokenizer.kind"),
        ("{", "[", "malformed JSON at byte"),
    ])
    func rejectsImpossibleManifest(old: String, new: String, found: String) throws {
        try directory.prepare("0123456789", tokensPerShard: 4)
        let text = String(decoding: try FileSystem.contents(of: directory.file("data/dataset.json")), as: UTF8.self)
        let range = try #require(text.firstRange(of: old))
        try directory.writeManifest(text.replacingCharacters(in: range, with: new))
        expectFailure(.badData, found) { _ = try Dataset.open(directory.file("data")) }
    }

    /// Every flipped bit is detected, even in parts that are not parsed.
    @Test func rejectsAlteredManifest() throws {
        try directory.prepare("0123456789", tokensPerShard: 4)
        let path = "data/dataset.json"
        let bytes = try FileSystem.contents(of: directory.file(path))
        for place in bytes.indices {
            try directory.change(path, at: place, to: [bytes[place] ^ 1 << UInt8(place % 8)])
            expectFailure(.badData, "dataset.json") { _ = try Dataset.open(directory.file("data")) }
            try directory.write(bytes, to: path)
        }
        let last = bytes.count - 1
        try directory.change(path, size: last)
        expectFailure(.badData, "its own XXH3-128 does not match") { _ = try Dataset.open(directory.file("data")) }
        // A version number from before manifests had checksums does not disable the check.
        let version = try #require(bytes.firstRange(of: Array("\"version\" : 3".utf8)))
        try directory.write(bytes, to: path)
        try directory.change(path, at: version.upperBound - 1, to: [UInt8(ascii: "2")])
        expectFailure(.badData, "its own XXH3-128 does not match") { _ = try Dataset.open(directory.file("data")) }
    }

    @Test func readsVersionOneAsPlainText() throws {
        try directory.prepare("0123456789", tokensPerShard: 4)
        let now = try Dataset.open(directory.file("data"))
        var text = String(decoding: try FileSystem.contents(of: directory.file("data/dataset.json")), as: UTF8.self)
        for (old, new) in [("\"version\" : 3", "\"version\" : 1"), ("  \"kind\" : \"text\",\n", "")] {
            text = text.replacingCharacters(in: try #require(text.firstRange(of: old)), with: new)
        }
        try directory.writeManifest(text)
        let sealed = try Dataset.open(directory.file("data"))
        #expect(sealed.digest == now.digest)
        // Version 1 had no checksum.
        let seal = try #require(text.firstRange(of: ",\n  \"manifest_xxh3_128\""))
        try directory.write(String(text[..<seal.lowerBound]) + "\n}\n", to: "data/dataset.json")
        let before = try Dataset.verified(directory.file("data"))
        #expect(before.kind == .text && before.specialTokens == .none && before.labels == nil)
        // Runs on either dataset can continue on the other.
        #expect(before.digest == now.digest)
        // The digest that dtrain 0.1.0 computed for these shards.
        #expect(now.digest == "5c2a5ce8f8c35eedb36257913b584580")
    }

    @Test func opensShardsWithoutManifest() throws {
        try directory.writeShard([1, 2], to: "fineweb_train_000001.bin", format: .uint16)
        try directory.writeShard([3, 4], to: "fineweb_train_000002.bin", format: .uint16)
        try directory.writeShard([5], to: "fineweb_VAL_000000.bin", format: .uint16)
        let dataset = try Dataset.verified(directory.path)
        #expect(dataset.vocabularySize == 50_304)
        #expect(dataset.tokenizer == TokenizerDescription(kind: .none))
        #expect(try tokens(dataset.stream(.train)) == [1, 2, 3, 4])
        #expect(try tokens(dataset.stream(.validation)) == [5])
        #expect(try Dataset.open(directory.path, vocabularySize: 7).vocabularySize == 7)
    }

    @Test(arguments: [
        ("val.bin", true), ("validation-1.bin", true), ("foo_val_000000.bin", true), ("Valid.bin", true),
        ("a.VAL.bin", true), ("val00.bin", true), ("tiny eval.bin", true), ("medieval_train.bin", false),
        ("interval.bin", false), ("retrieval-000001.bin", false), ("valence.bin", false), ("média_éval.bin", false),
        ("train.bin", false), ("Ural_VALUE.bin", false),
    ])
    func shardNameDeterminesSplit(name: String, isHeldOut: Bool) {
        #expect(FileName.isOfValidation(name) == isHeldOut)
    }

    /// Verification finds a token out of range before training, at any position: after the first block that is read, at
    /// the end, and in the second shard.
    @Test(arguments: TokenShardFormat.allCases, [0, 600_000, 699_999])
    func verificationFindsTokenOutOfRange(format: TokenShardFormat, place: Int) throws {
        var tokens = [Int32](repeating: 6, count: 700_000)
        try directory.writeShard(tokens, to: "train_0.bin", format: format)
        (tokens[place], tokens[699_999]) = (7, 7)
        try directory.writeShard(tokens, to: "train_1.bin", format: format)
        let offset = format.headerBytes + place * format.tokenBytes
        expectFailure(.badData, "train_1.bin: token 7 at byte \(offset);", "from 0 to 6", "model.vocabulary_size") {
            _ = try Dataset.verified(directory.path, vocabularySize: 7)
        }
        _ = try Dataset.verified(directory.path, vocabularySize: 8)
        let dataset = try Dataset.open(directory.path, vocabularySize: 7)
        try dataset.verifyShards(part: 0, of: 2)
        expectFailure(.badData, "train_1.bin") { try dataset.verifyShards(part: 1, of: 2) }
        try dataset.verifyShards([.validation])
    }

    /// A shard that was replaced before its first read is rejected, unless its content is equal.
    @Test func rejectsReplacedShard() throws {
        try directory.prepare("0123456789", tokensPerShard: 5)
        let path = directory.file("data/train-00001.bin")
        let bytes = try FileSystem.contents(of: path)
        let stream = try Dataset.verified(directory.file("data")).stream(.train)
        try FileSystem.remove(path)
        try File(path, .create).write(bytes)
        #expect(try tokens(stream, 5..<6) == [53])
        let other = try Dataset.verified(directory.file("data")).stream(.train)
        try FileSystem.remove(path)
        try File(path, .create).write(Array(bytes.dropLast(2)) + [0, 0])
        expectFailure(.badData, "train-00001.bin", "was replaced or written to") { _ = try tokens(other, 5..<6) }
    }

    @Test func opensHeaderlessShards() throws {
        try directory.writeShard([50_000, 2], to: "train.bin", format: .headerless)
        try directory.writeShard([9], to: "val.bin", format: .headerless)
        let dataset = try Dataset.open(directory.path)
        #expect(try tokens(dataset.stream(.train)) == [50_000, 2])
        #expect(try tokens(dataset.stream(.validation)) == [9])
    }

    @Test func wideShardsHaveLlama3Vocabulary() throws {
        try directory.writeShard([128_000], to: "train.bin", format: .uint32)
        #expect(try Dataset.open(directory.path).vocabularySize == 128_256)
    }

    @Test func rejectsMixedShardFormats() throws {
        try directory.writeShard([1, 2], to: "a.bin", format: .uint16)
        try directory.writeShard([1, 2], to: "b.bin", format: .uint16)
        try directory.change("b.bin", to: [0, 0])
        expectFailure(.badData, "b.bin", "without a header", "a.bin") { _ = try Dataset.open(directory.path) }
    }

    @Test func missingDatasetNamesPrepareCommand() throws {
        let absent = directory.file("absent")
        for (path, found) in [
            (directory.path, "the directory holds neither dataset.json nor *.bin"),
            (absent, "there is no such directory."),
        ] {
            expectFailure(.badData, path, found, "dtrain prepare --text FILE") { _ = try Dataset.open(path) }
        }
    }

    @Test func digestCoversTokensAndTokenizer() throws {
        func digest(_ text: String, tokensPerShard: Int = 100) throws -> String {
            try FileSystem.remove(directory.file("data"))
            try directory.prepare(text, validationFraction: 0.2, tokensPerShard: tokensPerShard)
            return try Dataset.open(directory.file("data")).digest
        }
        let first = try digest("0123456789")
        #expect(first.utf8.count == 32)
        #expect(try digest("0123456789") == first)
        #expect(try digest("0123456780") != first)
        #expect(try digest("0123456789", tokensPerShard: 3) != first)
    }

    @Test func digestOfBareShardsCoversNamesSizesAndVocabulary() throws {
        try directory.writeShard([1, 2], to: "a.bin", format: .uint16)
        let first = try Dataset.open(directory.path).digest
        #expect(try Dataset.open(directory.path).digest == first)
        #expect(try Dataset.open(directory.path, vocabularySize: 9).digest != first)
        try FileSystem.rename(directory.file("a.bin"), to: directory.file("b.bin"))
        #expect(try Dataset.open(directory.path).digest != first)
        try directory.writeShard([1, 2, 3], to: "b.bin", format: .uint16)
        #expect(try Dataset.open(directory.path).digest != first)
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<String.Index>, with new: String) -> String {
        self[..<range.lowerBound] + new + self[range.upperBound...]
    }
}
