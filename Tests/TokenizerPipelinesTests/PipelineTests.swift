import Failures
import Files
import TestSupport
import Testing

@testable import TokenizerPipelines

/// Returns the bytes of a golden file.
func golden(_ name: String) throws -> [UInt8] {
    try FileSystem.contents(
        of: "\(#filePath.split(separator: "/").dropLast().map { "/\($0)" }.joined())/Golden/\(name)")
}

/// Returns a golden tokenizer.
func goldenPipeline(_ name: String) throws -> TokenizerPipeline {
    try TokenizerFile(parsing: try golden("\(name).json"), source: name).pipeline()
}

@Suite struct PipelineTests {
    static let names = [
        "gpt2", "llama3", "qwen3", "o200k", "deepseek", "falcon", "roberta", "clip", "llama2", "gemma", "mistral",
        "bert_uncased", "bert_cased", "t5", "xlmr", "unigram_bytes", "words",
    ]

    private func texts() throws -> [[UInt8]] {
        let json = try JSON(parsing: try golden("encodings.json"), source: "encodings.json")
        return try #require(json["texts"]?.arrayValue).map { Array(try #require($0.stringValue).utf8) }
    }

    private func encode(_ pipeline: TokenizerPipeline, _ text: [UInt8], findsSpecial: Bool = false) -> [Int32] {
        var tokens: [Int32] = []
        text.withUnsafeBufferPointer { pipeline.encode($0, findsSpecial: findsSpecial, into: &tokens) }
        return tokens
    }

    @Test(arguments: names) func equalsTheLibrary(name: String) throws {
        let pipeline = try goldenPipeline(name)
        let json = try JSON(parsing: try golden("encodings.json"), source: "encodings.json")
        let rows = try #require(json["tokenizers"]?[name]?.arrayValue)
        let texts = try texts()
        #expect(rows.count == texts.count && texts.count > 20)
        for (text, row) in zip(texts, rows) {
            let row = try #require(row.arrayValue)
            func tokens(_ index: Int) -> [Int32] {
                (row[index].arrayValue ?? []).compactMap(\.integerValue).map(Int32.init)
            }
            let plain = encode(pipeline, text)
            let inner = encode(pipeline, text, findsSpecial: true)
            let framed = pipeline.frame.flatMap { $0.map { [$0] } ?? inner }
            let comment = Comment(rawValue: String(decoding: text, as: UTF8.self).debugDescription)
            #expect(plain == tokens(0), comment)
            #expect(framed == tokens(1), comment)
            #expect(pipeline.decode(plain, keepsSpecial: false) == Array((row[2].stringValue ?? "?").utf8), comment)
            #expect(pipeline.decode(framed, keepsSpecial: true) == Array((row[3].stringValue ?? "?").utf8), comment)
        }
    }

    /// The two parts of a text that is cut have the tokens of the whole.
    @Test(arguments: names) func cutsChangeNoTokens(name: String) throws {
        let pipeline = try goldenPipeline(name)
        var text: [UInt8] = []
        for part in try texts() { text += part + Array("\nand the dog barks at a fox\nun chien".utf8) }
        let whole = encode(pipeline, text)
        var places = 0
        for length in stride(from: 40, to: text.count, by: 61) {
            let place = text.withUnsafeBufferPointer { pipeline.cut(UnsafeBufferPointer(rebasing: $0[..<length])) }
            guard let place else { continue }
            places += 1
            var tokens = encode(pipeline, Array(text[..<place]))
            Array(text[place...]).withUnsafeBufferPointer { pipeline.encode($0, continues: true, into: &tokens) }
            #expect(tokens == whole, "cut at \(place)")
        }
        // Leading and trailing space is stripped from the whole text; a unigram model without words scores it as one.
        #expect((places > 10) == !["words", "unigram_bytes"].contains(name))
    }

    /// The cache of words, and threads that encode at once, change no tokens.
    @Test func encodesOnSeveralThreads() async throws {
        let pipeline = try goldenPipeline("llama2")
        let texts = try texts()
        let expected = texts.map { encode(pipeline, $0) }
        await withTaskGroup(of: [[Int32]].self) { group in
            for _ in 0..<4 { group.addTask { (0..<20).map { _ in texts.map { encode(pipeline, $0) } }.last! } }
            for await found in group { #expect(found == expected) }
        }
    }

    /// An added token that is searched in the normalized text decodes to its normalized name, as in the library.
    @Test func normalizedTokensDecodeToNormalizedNames() throws {
        let file = #"""
            {"added_tokens": [{"id": 1, "content": "Ab C", "normalized": true}, {"id": 2, "content": "Xy", "normalized": false}],
             "normalizer": {"type": "Lowercase"}, "decoder": {"type": "Fuse"},
             "model": {"type": "WordLevel", "unk_token": "u", "vocab": {"u": 0}}}
            """#
        let pipeline = try TokenizerFile(parsing: Array(file.utf8), source: "file").pipeline()
        let tokens = encode(pipeline, Array("aB CXy".utf8))
        #expect(tokens == [1, 2])
        #expect(pipeline.decode(tokens, keepsSpecial: false) == Array("ab cXy".utf8))
    }

    @Test func longWordsAreMergedLikeShortOnes() throws {
        let pipeline = try goldenPipeline("gpt2")
        guard case .bytePairs(let model) = pipeline.model else { throw Failure(.badData, "no byte pairs") }
        for count in [1, 2, 39, 40, 41, 200] {
            let word = Array(String(repeating: "thequickbrown", count: 20).utf8.prefix(count))
            var (merged, tokens): ([Int32], [Int32]) = ([], [])
            word.withUnsafeBufferPointer { model.encode($0, WordCache(), into: &tokens) }
            // One merge after the other, each the one with the lowest rank.
            merged = word.map { byte in model.vocabulary.number(of: [byte])! }
            while true {
                let ranks = zip(merged, merged.dropFirst()).map { model.merges[IntegerTable.key($0, $1)] }
                guard let best = ranks.filter({ $0 >= 0 }).min(), let place = ranks.firstIndex(of: best) else { break }
                merged.replaceSubrange(place...place + 1, with: [Int32(truncatingIfNeeded: best)])
            }
            #expect(tokens == merged)
        }
    }
}
