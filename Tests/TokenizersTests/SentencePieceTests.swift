import Failures
import Files
import Foundation
import TestSupport
import Testing

@testable import Tokenizers

/// Loads a golden SentencePiece model.
func goldenTokenizer(_ name: String) throws -> SentencePieceTokenizer {
    let path = goldenTokenizerModel("\(name).model")
    return try SentencePieceTokenizer(model: try FileSystem.contents(of: path), source: path)
}

@Suite struct SentencePieceTests {
    static let models = ["lossless", "foreign", "prefixless"]

    /// The encodings of some lines by SentencePiece's Python package.
    private func lines(_ model: String) throws -> [(text: String, tokens: [Int32], decoded: String)] {
        let path = goldenTokenizerModel("encodings.json")
        let json = try JSON(parsing: try FileSystem.contents(of: path), source: path)
        return try #require(json[model]?.arrayValue).map { line in
            let tokens = try #require(line["tokens"]?.arrayValue).compactMap(\.integerValue).map(Int32.init)
            return (try #require(line["text"]?.stringValue), tokens, try #require(line["decoded"]?.stringValue))
        }
    }

    @Test(arguments: models) func encodesAndDecodesLikePython(model: String) throws {
        let tokenizer = try goldenTokenizer(model)
        let lines = try lines(model)
        #expect(lines.count == 19)
        // dtrain's models preserve U+2581, which the Python package treats as a space.
        for line in lines where model != "lossless" || !line.text.contains("\u{2581}") {
            #expect(try tokenizer.encode(line.text) == line.tokens, "\(line.text.debugDescription)")
            #expect(
                Array(tokenizer.decode(line.tokens)) == Array(line.decoded.utf8), "\(line.text.debugDescription)")
        }
    }

    @Test(arguments: ["lossless", "prefixless"]) func multilineTextsAreLossless(model: String) throws {
        let tokenizer = try goldenTokenizer(model)
        // SentencePiece itself uses U+2581 for a space.
        let lines = try lines(model).map(\.text).filter { !$0.contains("\u{2581}") }
        for text in [lines.joined(separator: "\n"), "\n\n a\n\nb \n", "a\r\nb\n", "\n", ""] {
            let tokens = try tokenizer.encode(text)
            #expect(Array(tokenizer.decode(tokens)) == Array(text.utf8))
        }
        if model == "prefixless" { return }
        // Between the tokens of two lines there is a line break token.
        let lineBreak = try #require(try tokenizer.encode("\n").first)
        let expected = try lines.map { try tokenizer.encode($0) }.joined(separator: [lineBreak])
        #expect(try tokenizer.encode(lines.joined(separator: "\n")) == Array(expected))
    }

    @Test func lineBreakWithoutTokenBecomesSpace() throws {
        let tokenizer = try goldenTokenizer("foreign")
        let tokens = try tokenizer.encode("of the\nWork")
        #expect(String(decoding: tokenizer.decode(tokens), as: UTF8.self) == "of the Work")
        #expect(tokens == (try tokenizer.encode("of the Work")))
    }

    @Test(arguments: models) func incrementalDecodingEqualsDecoding(model: String) throws {
        let tokenizer = try goldenTokenizer(model)
        for seed in 0..<UInt64(200) {
            // From −1 to the first ID outside the vocabulary.
            let tokens = integers(20, below: tokenizer.vocabularySize + 2, seed: seed).map { Int32($0 - 1) }
            var state = DecodingState()
            var bytes: [UInt8] = []
            for token in tokens { tokenizer.decode(token, after: &state, appendingTo: &bytes) }
            #expect(bytes == tokenizer.decode(tokens))
        }
    }

    @Test(arguments: models, [1, 7, 100, 40_000, 65_535, 65_536, 65_537, 100_000])
    func chunkSizeDoesNotChangeTokens(model: String, chunkBytes: Int) throws {
        let tokenizer = try goldenTokenizer(model)
        // Lines around the length at which lines are cut, with and without spaces, with characters of one to four
        // bytes.
        let words = String(repeating: "copies of the Work 🙂 漢字 naïve ", count: 3000)
        let text =
            (try lines(model).map(\.text)).joined(separator: "\n") + "\n" + words + "\n"
            + String(repeating: "🙂", count: 40_000) + "\nend" + String(repeating: " ", count: 70_000)
            + String(repeating: "a  \u{2581}", count: 30_000)
        // Small chunks only for the start of the text, since each call examines all held bytes.
        let bytes = chunkBytes < 100 ? Array(Array(text.utf8).prefix(2000)) : Array(text.utf8)
        var tokens: [Int32] = []
        var held: [UInt8] = []
        var previous: UInt8?
        var position = 0
        while position < bytes.count {
            let end = min(position + chunkBytes, bytes.count)
            held += bytes[position..<end]
            position = end
            let taken = try held.withUnsafeBytes {
                try tokenizer.encode($0, isLast: position == bytes.count, after: previous, appendingTo: &tokens)
            }
            if taken > 0 { previous = held[taken - 1] }
            held.removeFirst(taken)
        }
        var whole: [Int32] = []
        _ = try bytes.withUnsafeBytes { try tokenizer.encode($0, isLast: true, appendingTo: &whole) }
        #expect(held.isEmpty)
        #expect(tokens == whole)
    }

    /// `prefixCount` returns what `encode` takes, wherever a text is cut.
    @Test func prefixCountsEqualEncoding() throws {
        var tokenizers: [any Tokenizer] = [ByteTokenizer(), ComparedTokenizer(ByteTokenizer(), TextChanges())]
        for model in SentencePieceTests.models { tokenizers.append(try goldenTokenizer(model)) }
        let long = String(repeating: "🙂", count: 17_000) + String(repeating: " a  \u{2581}", count: 10_000)
        for tokenizer in tokenizers + [NumberTokenizer(vocabularySize: 100)] {
            let texts = ["a\nb c\n\n d", long, "x\n" + long + "\ny", ""]
            for text in tokenizer is NumberTokenizer ? ["12 3\n45", ""] : texts {
                let bytes = Array(text.utf8)
                let counts = bytes.count < 100 ? Array(0...bytes.count) : [65_535, 65_536, 65_537, bytes.count]
                for count in counts {
                    try bytes[..<count].withUnsafeBytes { prefix in
                        var tokens: [Int32] = []
                        let taken = try tokenizer.encode(prefix, isLast: false, appendingTo: &tokens)
                        #expect(try tokenizer.prefixCount(of: prefix, after: nil) == taken)
                    }
                }
            }
        }
    }

    /// The words of a BPE model that dtrain has trained are encoded one by one, as SentencePiece encodes whole lines.
    @Test func wordsAreEncodedLikeLines() throws {
        let parts = [
            "the", "Work", "copies", " ", "  ", "   ", "größe", "漢字", "🙂", "\t", "\u{0}", "\u{3000}", "\u{A0}", ".,",
            "1234567", String(repeating: "long", count: 14), String(repeating: "longer", count: 30), "a b", "e\u{301}",
        ]
        let sample = String(repeating: "the copies of the Work größe 漢字 longer long 12 345 \n", count: 20)
        var text = TextSample(totalBytes: 0)
        Array(sample.utf8).withUnsafeBytes { text.append($0) }
        let learned = try TokenizerAlgorithm.bpe.learn(size: 300, from: text)
        for tokenizer in [
            try SentencePieceTokenizer(model: learned.model, source: "learned"), try goldenTokenizer("lossless"),
        ] {
            // Twice: words that are new, and words that are in the cache.
            for seed in (0..<UInt64(2000)).map({ $0 % 1000 }) {
                let line = integers(1 + Int(seed) % 12, below: parts.count, seed: seed).map { parts[$0] }.joined()
                let expected = try Array(line.utf8).withUnsafeBytes { try tokenizer.handle.encode($0) }
                #expect(try tokenizer.encode(line) == expected, "\(line.debugDescription)")
            }
        }
        #expect(SentencePieceFile.encodesWordsSeparately(learned.model))
        #expect(!SentencePieceFile.encodesWordsSeparately(try goldenTokenizer("foreign").model))
    }

    @Test(arguments: ["lossless", "prefixless"]) func cutAtSpaceChangesNoTokens(model: String) throws {
        let tokenizer = try goldenTokenizer(model)
        let text = String(repeating: "copies of the Work, ", count: 10_000) + "end"
        let tokens = try tokenizer.encode(text)
        #expect(Array(tokenizer.decode(tokens)) == Array(text.utf8))
        // Every occurrence of the sentence has the same tokens.
        let sentence = try tokenizer.encode(" copies of the Work,").suffix(4)
        #expect(tokens.count { $0 == sentence.last } == 10_000)
    }

    @Test func specialTokensArePiecesOrFollowThem() throws {
        #expect(
            try goldenTokenizer("lossless").specialTokens
                == SpecialTokens(pad: 0, unknown: 1, bos: 2, eos: 3, mask: 6, sep: 5, cls: 4))
        let lossless = try goldenTokenizer("lossless")
        #expect(lossless.vocabularySize == 700)
        let foreign = try goldenTokenizer("foreign")
        #expect(
            foreign.specialTokens
                == SpecialTokens(pad: 400, unknown: 0, bos: 1, eos: 2, mask: 401, sep: 402, cls: 403))
        #expect(foreign.vocabularySize == 404)
        for tokenizer in [lossless, foreign] {
            for token in tokenizer.specialTokens.all where token != tokenizer.specialTokens.unknown {
                #expect(tokenizer.decode([token]) == [])
            }
            #expect(tokenizer.decode([Int32(tokenizer.vocabularySize), -1]) == Array("\u{FFFD}\u{FFFD}".utf8))
            // The name of a special token in a text is ordinary text.
            let found = try tokenizer.encode("<s> </s> <pad> <mask>")
            let special = tokenizer.specialTokens
            #expect(!found.contains { [special.pad, special.bos, special.eos, special.mask].contains($0) })
        }
    }

    @Test func byteTokenizerHasOptionalSpecialTokens() throws {
        let tokenizer = ByteTokenizer(withSpecialTokens: true)
        #expect(tokenizer.vocabularySize == 262)
        #expect(
            tokenizer.specialTokens == SpecialTokens(pad: 256, bos: 257, eos: 258, mask: 259, sep: 260, cls: 261))
        #expect(tokenizer.decode([0x61, 258, 262, 0x62]) == Array("a\u{FFFD}b".utf8))
        #expect(ByteTokenizer().specialTokens == .none)
    }

    @Test func descriptionsReadBack() throws {
        for tokenizer: any Tokenizer in [
            ByteTokenizer(), ByteTokenizer(withSpecialTokens: true), try goldenTokenizer("foreign"),
        ] {
            let description = tokenizer.description
            #expect(TokenizerDescription(description.json) == description)
            let encoded = try JSONEncoder().encode(description)
            #expect(try JSONDecoder().decode(TokenizerDescription.self, from: encoded) == description)
        }
        #expect(TokenizerDescription(["kind": "runes"]) == nil)
        #expect(TokenizerDescription(["kind": "byte", "special_tokens": ["pad": -1]]) == nil)
    }

    @Test(arguments: [[], [0], Array("not a model".utf8), [UInt8](repeating: 0xFF, count: 1000)])
    func rejectsInvalidModels(bytes: [UInt8]) {
        expectFailure(.badData, "some.model", "not a SentencePiece model", "--tokenizer bpe:SIZE") {
            do throws(Failure) {
                _ = try SentencePieceTokenizer(model: bytes, source: "some.model")
            } catch {
                #expect(!containsMessageOfTheLibrary(error.message), "\(error)")
                throw error
            }
        }
    }

    @Test func truncatedModelsDoNotCrash() throws {
        let whole = try goldenTokenizer("lossless")
        for count in stride(from: 1, to: whole.model.count, by: 997) {
            // A prefix that is a complete protocol buffer message is a smaller model; no prefix crashes the process.
            _ = try? SentencePieceTokenizer(model: Array(whole.model.prefix(count)), source: "cut")
        }
    }

    @Test func rejectsModelThatDiffersFromDescription() throws {
        let lossless = try goldenTokenizer("lossless")
        expectFailure(.badData, "the hash or the special tokens of its tokenizer differ") {
            var description = lossless.description
            description.modelDigest = String(repeating: "0", count: 32)
            _ = try makeTokenizer(description, vocabularySize: 700, model: lossless.model)
        }
        expectFailure(.badData, "701 tokens", "700") {
            _ = try makeTokenizer(lossless.description, vocabularySize: 701, model: lossless.model)
        }
        // A model has no embedding for a token beyond its vocabulary.
        for token in [-1, 5] as [Int32] {
            expectFailure(.badData, "special tokens [\(token)]", "below 5") {
                let unknown = TokenizerDescription(kind: .none, specialTokens: SpecialTokens(bos: token))
                _ = try makeTokenizer(unknown, vocabularySize: 5)
            }
        }
        let padded = try makeTokenizer(
            lossless.description, vocabularySize: 768, allowsPadding: true, model: lossless.model)
        #expect(padded.vocabularySize == 700)
    }
}

/// Whether a message contains words of one of SentencePiece's assertions.
private func containsMessageOfTheLibrary(_ message: String) -> Bool {
    ["INTERNAL", ".cc", "_", "::", "vocab", "sentences", "proto", "[", "]"].contains { message.contains($0) }
}

@Suite struct TokenizerLearningTests {
    private func sample(_ text: String, limitBytes: Int = TextSample.limitBytes) -> TextSample {
        var sample = TextSample(totalBytes: text.utf8.count, limitBytes: limitBytes)
        Array(text.utf8).withUnsafeBytes { sample.append($0) }
        return sample
    }

    private var license: String {
        get throws { String(decoding: try FileSystem.contents(of: repositoryFile("LICENSE")), as: UTF8.self) }
    }

    private func repositoryFile(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: name).path(percentEncoded: false)
    }

    @Test(arguments: TokenizerAlgorithm.allCases) func trainingIsDeterministic(algorithm: TokenizerAlgorithm)
        throws
    {
        let sample = sample(try license)
        let first = try algorithm.learn(size: 600, from: sample).model
        for _ in 0..<5 { #expect(try algorithm.learn(size: 600, from: sample).model == first) }
        let tokenizer = try SentencePieceTokenizer(model: first, source: "learned")
        #expect(tokenizer.vocabularySize == 600)
        #expect(
            tokenizer.specialTokens == SpecialTokens(pad: 0, unknown: 1, bos: 2, eos: 3, mask: 6, sep: 5, cls: 4))
        // Every character can be encoded losslessly, and words of the training text have few tokens.
        let text = "Unless required by applicable law\n漢字 🙂\u{0}  é e\u{301} \u{FB01}\n"
        let tokens = try tokenizer.encode(text)
        #expect(Array(tokenizer.decode(tokens)) == Array(text.utf8))
        #expect(!tokens.contains(1))
        #expect(try tokenizer.encode("Unless required by applicable law").count < 24)
    }

    @Test func rejectsImpossibleSizeAndNamesLimit() throws {
        let sample = sample(try license)
        for algorithm in TokenizerAlgorithm.allCases {
            expectFailure(.usage, "--tokenizer \(algorithm.rawValue):100:", "at least 266") {
                _ = try algorithm.learn(size: 100, from: sample)
            }
            let failure = try #require(
                #expect(throws: Failure.self) { _ = try algorithm.learn(size: 50_000, from: sample) })
            #expect(failure.exitCode == .usage)
            let most = try #require(failure.message.split { !$0.isNumber }.compactMap { Int($0) }.last)
            #expect(failure.message.contains("Allowed: at most \(most) tokens"))
            #expect(
                try SentencePieceTokenizer(model: algorithm.learn(size: most, from: sample).model, source: "")
                    .vocabularySize
                    == most)
        }
        expectFailure(.usage, "bpe:400", "that has only line breaks", "Prepare more text") {
            _ = try TokenizerAlgorithm.bpe.learn(size: 400, from: TextSample(totalBytes: 0))
        }
    }

    /// SentencePiece trains on these texts or fails; dtrain's messages never contain the library's.
    /// A library thread that cannot allocate would end the process.
    @Test func rejectsLearningWithoutEnoughMemory() throws {
        var sample = TextSample(totalBytes: 1000)
        Array(String(repeating: "text ", count: 200).utf8).withUnsafeBytes { sample.append($0) }
        try TokenizerAlgorithm.requireMemory(sample, available: 1 << 30)
        expectFailure(.usage, "1000 bytes of text", "10 MB are available", "ulimit -v") {
            try TokenizerAlgorithm.requireMemory(sample, available: 10_000_000)
        }
    }

    @Test(arguments: [
        "", "\n\n", "a", " ", "\t", "\u{0}", "a\na\na", "\u{2581}", String(repeating: "ab", count: 3000), "🙂",
    ])
    func errorsDoNotQuoteTheLibrary(text: String) {
        for algorithm in TokenizerAlgorithm.allCases {
            for size in [1, 7, 264, 270, 1000] {
                do throws(Failure) {
                    _ = try algorithm.learn(size: size, from: sample(text))
                } catch {
                    #expect(
                        error.exitCode == .usage && error.message.contains("--tokenizer \(algorithm.rawValue):\(size)"))
                    #expect(!containsMessageOfTheLibrary(error.message), "\(error)")
                }
            }
        }
    }

    /// Texts that are difficult for a tokenizer; a trained model must encode them losslessly.
    static let hostileTexts = [
        "\u{2581}", "\u{2581}\u{2581}", "a\u{2581}b", " \u{2581} ", "\u{2581} a\u{2581}", "\n\u{2581}\n \u{2581}\n",
        "x\u{2581}\n",
        " ", "  ", " a", "a ", "  a  b  ", "\n", "\n\n", " \n \n", "\r", "\r\n", "a\r\nb\r", "\t\ta\t", "\0", "a\0\0b",
        "\u{1}\u{7F}\u{1B}",
        "\u{FEFF}", "\u{FFFD}", "\u{FFFE}\u{FFFF}", "\u{10FFFF}", "\u{E000}", "\u{2585}", "\u{2047}",
        "\u{2028}\u{2029}\u{85}",
        "e\u{301}", "\u{E9}", "\u{301}", "\u{1100}\u{1161}\u{AC00}", "\u{A0}\u{3000}\u{2003}\u{200B}\u{200D}",
        "👩\u{200D}👩\u{200D}👧",
        "<0x41>", "<0xE2><0x96><0x81>", "<s></s><pad><unk><mask><cls><sep>", "</s", "<0x0A>", "\\n", "▁<0x20>▁", "½ﬁＡ²",
        "مرحبا\u{202E}abc", "漢字かな交じり文", "🏳️‍🌈",
    ]

    /// Decoding reproduces every text and every random combination of texts.
    @Test(arguments: TokenizerAlgorithm.allCases) func everyTextIsLossless(algorithm: TokenizerAlgorithm) throws {
        let learned = try algorithm.learn(size: 500, from: sample(try license))
        let tokenizer = try SentencePieceTokenizer(model: learned.model, source: "learned")
        for text in TokenizerLearningTests.hostileTexts {
            let tokens = try tokenizer.encode(text)
            #expect(tokenizer.decode(tokens) == Array(text.utf8), "\(text.debugDescription)")
            #expect(!tokens.contains(1), "\(text.debugDescription)")
        }
        let parts = TokenizerLearningTests.hostileTexts + ["of the Work", "licen", "sed", " and "]
        for seed in 0..<UInt64(300) {
            let text = integers(12, below: parts.count, seed: seed).map { parts[$0] }.joined()
            let bytes = Array(text.utf8)
            #expect(tokenizer.decode(try tokenizer.encode(text)) == bytes, "\(text.debugDescription)")
        }
        // Lines that are cut: at spaces, between characters, within runs of spaces, and at U+2581.
        for part in ["x", "漢", "  ", "ab  ", "\u{2581}", " \u{2581}", "word ", "🙂 \u{2581}  "] {
            let text = "a\n" + String(repeating: part, count: 200_000 / part.utf8.count) + "end\n" + part
            #expect(tokenizer.decode(try tokenizer.encode(text)) == Array(text.utf8), "\(part.debugDescription)")
        }
    }

    /// If there are more characters than tokens, the frequent ones get tokens and the others are encoded as bytes.
    @Test(arguments: TokenizerAlgorithm.allCases) func largeAlphabetFallsBackToBytes(
        algorithm: TokenizerAlgorithm
    ) throws {
        // Most characters are rare; a few make up most of the text.
        var text = ""
        for line in 0..<UInt64(600) {
            let draws = integers(120, below: 1000, seed: line)
            for place in 0..<40 {
                let rank = draws[3 * place] * draws[3 * place + 1] * draws[3 * place + 2] / 1_000_000
                text.unicodeScalars.append(Unicode.Scalar(0x4E00 + UInt32(rank))!)
            }
            text += line % 3 == 0 ? "🙂\n" : " \u{2581}\n"
        }
        let sample = sample(text)
        for size in [266, 300, 400] {
            let learned = try algorithm.learn(size: size, from: sample)
            let tokenizer = try SentencePieceTokenizer(model: learned.model, source: "learned")
            #expect(tokenizer.vocabularySize == size)
            #expect(learned.note?.contains("the others are encoded as bytes") == true)
            let tokens = try tokenizer.encode(text)
            #expect(tokenizer.decode(tokens) == Array(text.utf8))
            #expect(!tokens.contains(1))
        }
        // The requested coverage is reached; a larger alphabet makes the text fewer tokens.
        let alphabet = Set(text.unicodeScalars).subtracting(["\n", "\u{2581}"]).count
        let half = try algorithm.learn(size: 500, from: sample, coverage: 0.5)
        let all = try algorithm.learn(size: 264 + alphabet, from: sample, coverage: 1)
        #expect(half.note != nil && all.note == nil)
        let (some, whole) = (
            try SentencePieceTokenizer(model: half.model, source: ""),
            try SentencePieceTokenizer(model: all.model, source: "")
        )
        #expect(try whole.encode(text).count < some.encode(text).count)
        #expect(some.decode(try some.encode(text)) == Array(text.utf8))
        expectFailure(.usage, "Allowed: at least", "--coverage") {
            _ = try algorithm.learn(size: 300, from: sample, coverage: 1)
        }
        expectFailure(.usage, "bytes and special tokens alone need 264 tokens. Allowed: at least 266") {
            _ = try algorithm.learn(size: 264, from: sample)
        }
        // A coverage of nearly 1: the size that the message suggests is accepted.
        let failure = try #require(#expect(throws: Failure.self) { _ = try algorithm.learn(size: 265, from: sample) })
        #expect(
            failure.exitCode == .usage
                && failure.message.contains("leave no token for a character. Allowed: at least 266"))
        let usual = try #require(failure.message.split { !$0.isNumber }.compactMap { Int($0) }.last)
        #expect(usual > 266 && usual <= 264 + alphabet)
        #expect(try algorithm.learn(size: usual, from: sample, coverage: 0.9995).model.isEmpty == false)
    }

    @Test func samplesLargeTextsEvenly() {
        let text = (0..<1000).map { "line \($0)" }.joined(separator: "\n")
        let all = sample(text)
        #expect(all.ends.count == 1000)
        let part = sample(text, limitBytes: text.utf8.count / 4)
        #expect(part.ends.count == 200)
        #expect(part.bytes.starts(with: Array("line 0line 5line 10".utf8)))
        // A line of any length is cut into short parts at character boundaries, which together are the line.
        for line in [String(repeating: "word ", count: 5000), String(repeating: "🙂", count: 5000)] {
            let cut = sample(line)
            #expect(cut.bytes == Array(line.utf8))
            #expect(cut.ends.count >= 5)
            var start = 0
            for end in cut.ends {
                #expect(end - start <= 4096)
                #expect(String(validating: cut.bytes[start..<end], as: UTF8.self) != nil)
                start = end
            }
        }
    }

    @Test(arguments: [
        ("bpe", "its number of tokens"), ("bpe:", "its number"), ("bpe:x", "its number"), ("unigram:0", "its number"),
        ("bpe:-1", "its number"), ("bpe:99999999999", "its number"), ("bytes", "allowed: byte, bpe:SIZE"),
        ("words:100", "allowed: byte"), ("file.bin", "allowed: byte"),
    ])
    func rejectsUnknownTokenizerChoice(text: String, found: String) {
        expectFailure(.usage, "--tokenizer: found \(text)", found) { _ = try TokenizerChoice(parsing: text) }
    }
}
