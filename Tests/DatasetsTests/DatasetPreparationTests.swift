import Failures
import Files
import Glibc
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation
@testable import Tokenizers

@Suite struct DatasetPreparationTests {
    let directory: TemporaryDirectory

    init() { directory = TemporaryDirectory() }

    private func splitText(_ split: Split) throws -> String {
        let dataset = try Dataset.verified(directory.file("data"))
        return String(decoding: try dataset.makeTokenizer().decode(tokens(dataset.stream(split))), as: UTF8.self)
    }

    @Test func holdsOutEndOfEachText() throws {
        let texts = [
            try directory.write("aaaaaaaaaaaaaaaaaaAA", to: "a.txt"), try directory.write("bbbbbbbbbB", to: "b.txt"),
        ]
        let manifest = try DatasetPreparation(texts: texts, output: directory.file("data")).run()
        #expect(try splitText(.train) == "aaaaaaaaaaaaaaaaaa\nbbbbbbbbb")
        #expect(try splitText(.validation) == "AA\nB")
        #expect(manifest.sources == [.init(file: "a.txt", bytes: 20), .init(file: "b.txt", bytes: 10)])
        #expect(manifest.splits.train.map(\.file) == ["train-00000.bin"])
        #expect(
            try FileSystem.list(directory.file("data")) == ["dataset.json", "train-00000.bin", "validation-00000.bin"])
    }

    /// Texts, and the resulting token stream of a split.
    @Test(arguments: [
        (["one", "two\n", "three"], "one\ntwo\nthree"), (["one\n", "two\n"], "one\ntwo\n"),
        (["one\r\n", "\u{FEFF}two\r\n"], "one\ntwo\n"), (["\u{FEFF}1\none\r", "two"], "1\none\r\ntwo"),
        (["a", "\n", "b"], "a\n\nb"), (["\u{FEFF}\u{FEFF}a"], "\u{FEFF}a"),
    ])
    func separatesTextsByLineBreaks(texts: [String], expected: String) throws {
        for tokenizer in [TokenizerChoice.byte, .file(goldenTokenizerModel("lossless.model"))] {
            let paths = try texts.enumerated().map { try directory.write($1, to: "\($0)") }
            for chunkBytes in [1, 2, 1 << 20] {
                var preparation = DatasetPreparation(.text(paths), output: directory.file("data"), tokenizer: tokenizer)
                preparation.validationFraction = 0
                preparation.chunkBytes = chunkBytes
                _ = try preparation.run()
                #expect(Array(try splitText(.train).utf8) == Array(expected.utf8))
                try FileSystem.remove(directory.file("data"))
            }
            // The same for validation files.
            var preparation = DatasetPreparation(
                .text([try directory.write("x", to: "x")]), output: directory.file("data"), tokenizer: tokenizer)
            preparation.validation = paths
            _ = try preparation.run()
            #expect(Array(try splitText(.validation).utf8) == Array(expected.utf8))
            try FileSystem.remove(directory.file("data"))
        }
    }

    /// The same text gives the same dataset with and without byte order mark, and with LF or CR LF, including the
    /// held-out part.
    @Test func byteOrderMarkAndLineEndsDoNotChangeDataset() throws {
        let text = (0..<500).map { "line \($0) größe" }.joined(separator: "\n") + "\n"
        let windows = text.unicodeScalars.map { $0 == "\n" ? "\r\n" : String($0) }.joined()
        var found: [DatasetManifest] = []
        for (index, saved) in [text, "\u{FEFF}" + text, windows, "\u{FEFF}" + windows].enumerated() {
            // A chunk of 64 bytes holds a line: the training text of a tokenizer is cut at line breaks.
            for chunkBytes in [64, 1 << 20] {
                var preparation = DatasetPreparation(
                    .text([try directory.write(saved, to: "text")]), output: directory.file("\(index)-\(chunkBytes)"),
                    tokenizer: .learned(.bpe, size: 300))
                preparation.chunkBytes = chunkBytes
                found.append(try preparation.run())
            }
        }
        for manifest in found {
            #expect(manifest.splits == found[0].splits && manifest.tokenizerModel == found[0].tokenizerModel)
            #expect(manifest.splits.validation[0].tokens > 0)
        }
    }

    @Test func documentsEndWithEndToken() throws {
        let texts = try ["0123456789", "\u{FEFF}abc\n"].enumerated().map { try directory.write($1, to: "\($0)") }
        var preparation = DatasetPreparation(.text(texts), output: directory.file("data"))
        preparation.separatesDocuments = true
        preparation.validationFraction = 0.2
        _ = try preparation.run()
        let dataset = try Dataset.open(directory.file("data"))
        let end = try #require(dataset.specialTokens.eos)
        func bytes(_ text: String) -> [Int32] { text.utf8.map(Int32.init) }
        #expect(try tokens(dataset.stream(.train)) == bytes("01234567") + [end] + bytes("abc\n") + [end])
        #expect(try tokens(dataset.stream(.validation)) == bytes("89") + [end])
    }

    @Test func skipsEmptyTextsOnRequest() throws {
        let texts = try ["a", "", "\u{FEFF}", "b"].enumerated().map { try directory.write($1, to: "\($0)") }
        var preparation = DatasetPreparation(texts: texts, output: directory.file("data"))
        preparation.validationFraction = 0
        expectFailure(.badData, "\(texts[1]): is empty") { _ = try preparation.run() }
        preparation.empty = .skip
        var remarks: [String] = []
        var progress = (0, 1)
        _ = try preparation.run(progress: { progress = ($0, $1) }, remark: { remarks.append($0) })
        #expect(remarks == ["skipped 2 records without text, the first at \(texts[1])"])
        #expect(progress == (5, 5))
        #expect(try splitText(.train) == "a\nb")
    }

    @Test func holdsOutAtCharacterBoundary() throws {
        // Half of the 12 bytes is within the second of three 4-byte characters.
        try directory.prepare("🙂🙃🙂", validationFraction: 0.5)
        #expect(try splitText(.train) == "🙂🙃")
        #expect(try splitText(.validation) == "🙂")
    }

    @Test func limitsTokensPerShard() throws {
        let manifest = try directory.prepare(
            "0123456789abcdefghijklmnopqr", validationFraction: 0.25, tokensPerShard: 7)
        #expect(manifest.splits.train.map(\.tokens) == [7, 7, 7])
        #expect(manifest.splits.train.map(\.file) == ["train-00000.bin", "train-00001.bin", "train-00002.bin"])
        #expect(manifest.splits.validation.map(\.tokens) == [7])
        #expect(try splitText(.train) + splitText(.validation) == "0123456789abcdefghijklmnopqr")
    }

    @Test(arguments: [1, 2, 3, 4, 5, 8, 13]) func chunkSizeDoesNotChangeDataset(chunkBytes: Int) throws {
        let text = "Ünï⇒cödé 🙂 text, more than one chunk of it. 漢字"
        let source = try directory.write(text, to: "text")
        var small = DatasetPreparation(texts: [source], output: directory.file("small"), tokenizer: WordTokenizer())
        small.chunkBytes = chunkBytes
        small.tokensPerShard = 5
        var large = small
        large.output = directory.file("large")
        large.chunkBytes = 1 << 20
        let manifest = try large.run()
        #expect(try small.run() == manifest)
        // The lengths of the words with the following space: no chunk boundary may cut a word.
        #expect(
            manifest.splits.train.reduce(0) { $0 + $1.tokens } + manifest.splits.validation.reduce(0) { $0 + $1.tokens }
                == text.utf8.count { $0 == 0x20 } + 2)
    }

    @Test func manifestIsReadableAndReadsBack() throws {
        let manifest = try directory.prepare("some text that is long enough", validationFraction: 0.1)
        #expect(try DatasetManifest(readingFrom: directory.file("data")) == manifest)
        let text = String(decoding: try FileSystem.contents(of: directory.file("data/dataset.json")), as: UTF8.self)
        #expect(text.contains("\n  \"vocabulary_size\" : 256"))
        #expect(text.contains("\"xxh3_128\" : \"\(manifest.splits.train[0].digest)\""))
        #expect(!text.contains(directory.path))
    }

    @Test func rejectsExistingDataset() throws {
        try directory.prepare("text enough")
        let before = try FileSystem.contents(of: directory.file("data/dataset.json"))
        expectFailure(.usage, directory.file("data"), "--output", "remove") { try directory.prepare("another text") }
        #expect(try FileSystem.contents(of: directory.file("data/dataset.json")) == before)
        #expect(try splitText(.train) == "text enough")
    }

    @Test func rejectsForeignShards() throws {
        try FileSystem.makeDirectory(directory.file("data"))
        try directory.writeShard([1, 2, 3], to: "data/train-00000.bin", format: .uint16)
        let before = try FileSystem.contents(of: directory.file("data/train-00000.bin"))
        expectFailure(.usage, "train-00000.bin") { try directory.prepare("text enough") }
        #expect(try FileSystem.contents(of: directory.file("data/train-00000.bin")) == before)
    }

    /// Nothing is written into a run, an export or a directory of the user.
    @Test(arguments: [
        ["config.yaml", "metrics.jsonl"], ["config.json", "model.safetensors"], ["notes.txt"], ["tokenizer.model"],
    ])
    func rejectsDirectoriesOfOtherKinds(names: [String]) throws {
        try FileSystem.makeDirectory(directory.file("data"))
        for name in names { try directory.write("the user's", to: "data/\(name)") }
        expectFailure(
            .usage, "prepare: --output: \(directory.file("data")) holds \(names.joined(separator: ", ")), which"
        ) {
            try directory.prepare("text enough")
        }
        #expect(try FileSystem.list(directory.file("data")) == names)
    }

    @Test func overwritesInterruptedPreparation() throws {
        // The state after a kill: the marker, complete and incomplete shards, no manifest.
        try FileSystem.makeDirectory(directory.file("data"))
        try directory.write("", to: "data/dataset.incomplete")
        try directory.writeShard([1, 2, 3], to: "data/train-00000.bin", format: .uint16)
        try directory.write("rest", to: "data/train-00007.bin")
        expectFailure(.badData, "interrupted", "dtrain prepare") { _ = try Dataset.open(directory.file("data")) }
        try directory.prepare("text enough")
        #expect(try splitText(.train) == "text enough")
        #expect(try FileSystem.list(directory.file("data")) == ["dataset.json", "train-00000.bin"])
    }

    @Test func rejectsConcurrentPreparation() throws {
        let first = try PreparationDirectory.claim(directory.file("data"))
        expectFailure(.usage, "another dtrain prepare") { try directory.prepare("text enough") }
        try first.discard()
        try directory.prepare("text enough")
    }

    @Test func stopRemovesEverything() throws {
        var preparation = DatasetPreparation(
            texts: [try directory.write("some text for many chunks", to: "text")], output: directory.file("data"))
        preparation.chunkBytes = 4
        preparation.tokensPerShard = 4
        var polls = 0
        expectFailure(.stopped, directory.file("data"), "again") {
            _ = try preparation.run(shouldStop: {
                polls += 1
                return polls == 4
            })
        }
        #expect(polls == 4)
        #expect(!FileSystem.exists(directory.file("data")))
    }

    @Test func progressReachesTotal() throws {
        let texts = [try directory.write("twelve bytes", to: "a"), try directory.write("five.", to: "b")]
        var reports: [[Int]] = []
        _ = try DatasetPreparation(texts: texts, output: directory.file("data")).run(progress: {
            reports.append([$0, $1])
        })
        #expect(reports.last == [17, 17])
        #expect(reports.allSatisfy { $0[1] == 17 })
    }

    @Test(arguments: [3, 4, 5, 6, 7, 8, 100]) func reportsInvalidUTF8AcrossChunks(chunkBytes: Int) throws {
        // "naïve" in Latin-1: byte 0xEF at offset 7, followed by a letter, which is not a continuation byte.
        let bytes = Array("Ünïc".utf8) + [0x20, 0xEF, 0x76, 0x65] + Array(" and more".utf8)
        var preparation = DatasetPreparation(
            texts: [try directory.write(bytes, to: "latin")], output: directory.file("data"))
        preparation.chunkBytes = chunkBytes
        expectFailure(.badData, directory.file("latin"), "offset 7 ", "UTF-8", "iconv") { _ = try preparation.run() }
        #expect(!FileSystem.exists(directory.file("data")))
    }

    @Test func reportsIncompleteLastCharacter() throws {
        let bytes = Array("text ".utf8) + [0xE2, 0x82]
        for fraction in [0, 0.2, 0.5] {
            var preparation = DatasetPreparation(
                texts: [try directory.write(bytes, to: "cut")], output: directory.file("data"))
            preparation.validationFraction = fraction
            expectFailure(.badData, directory.file("cut"), "offset 5 ") { _ = try preparation.run() }
        }
    }

    @Test func rejectsInvalidFilesBeforeWriting() throws {
        try directory.write("", to: "empty")
        mkfifo(directory.file("fifo"), 0o644)
        let good = try directory.write("good text", to: "good")
        for (name, part) in [
            ("empty", "is empty"), ("absent", "No such file"), ("fifo", "regular file"), ("", "regular file"),
        ] {
            expectFailure(.badData, directory.file(name), part) {
                _ = try DatasetPreparation(texts: [good, directory.file(name)], output: directory.file("data")).run()
            }
        }
        #expect(!FileSystem.exists(directory.file("data")))
    }

    @Test func rejectsTextWithoutTokens() throws {
        let preparation = DatasetPreparation(
            texts: [try directory.write("\n", to: "text")], output: directory.file("data"),
            tokenizer: NumberTokenizer(vocabularySize: 100))
        expectFailure(.badData, directory.file("text"), "no training tokens") { _ = try preparation.run() }
    }

    @Test(arguments: [-0.1, 1, .nan, .infinity]) func rejectsInvalidValidationFraction(fraction: Double) throws {
        expectFailure(.usage, "\(fraction)") { try directory.prepare("text", validationFraction: fraction) }
    }

    @Test(arguments: [0, -1, Int.max]) func rejectsInvalidTokensPerShard(tokensPerShard: Int) throws {
        expectFailure(.usage, "\(tokensPerShard)") { try directory.prepare("text", tokensPerShard: tokensPerShard) }
    }

    @Test func rejectsFileAsOutput() throws {
        let text = try directory.write("text", to: "text")
        expectFailure(.inputOutput, text) { _ = try DatasetPreparation(texts: [text], output: text).run() }
    }
}

/// One token per word: its length in bytes. A word at the end of a chunk may continue in the next.
private struct WordTokenizer: Tokenizer {
    var description: TokenizerDescription { TokenizerDescription(kind: .none) }
    var vocabularySize: Int { 100_000 }

    func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, after previous: UInt8?, appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int {
        let end = isLast ? bytes.count : (bytes.lastIndex(of: 0x20).map { $0 + 1 } ?? 0)
        tokens += bytes[..<end].split(separator: 0x20).map { Int32($0.count) }
        return end
    }

    func decode(_ token: Int32, after state: inout DecodingState, appendingTo bytes: inout [UInt8]) {}
}
