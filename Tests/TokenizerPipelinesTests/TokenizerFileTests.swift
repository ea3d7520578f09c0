import Failures
import Files
import TestSupport
import Testing

@testable import TokenizerPipelines

/// What a `tokenizer.json` must not contain.
@Suite struct TokenizerFileTests {
    private func refuse(_ text: String, _ parts: String..., sourceLocation: SourceLocation = #_sourceLocation) {
        for part in ["t.json"] + parts {
            expectFailure(.badData, part, sourceLocation: sourceLocation) {
                _ = try TokenizerFile(parsing: Array(text.utf8), source: "t.json").pipeline()
            }
        }
    }

    /// A file with a BPE model of three pieces.
    private func file(
        _ members: String = "", vocabulary: String = #"{"a":0,"b":1,"ab":2}"#, merges: String = #"["a b"]"#,
        model: String = ""
    ) -> String {
        #"{\#(members)"model":{"type":"BPE",\#(model)"vocab":\#(vocabulary),"merges":\#(merges)}}"#
    }

    @Test func readsTheSmallestFile() throws {
        let pipeline = try TokenizerFile(parsing: Array(file().utf8), source: "t.json").pipeline()
        var tokens: [Int32] = []
        Array("aab".utf8).withUnsafeBufferPointer { pipeline.encode($0, into: &tokens) }
        #expect(tokens == [0, 2] && pipeline.tokenCount == 3)
    }

    @Test func refusesDamagedFiles() throws {
        refuse("", "malformed JSON")
        refuse("[]", "is not a tokenizer.json")
        refuse(#"{"a": 1}"#, "is not a tokenizer.json", "vocab.json")
        refuse(String(file().dropLast(3)), "malformed JSON")
        refuse(file(#""normalizer":"# + String(repeating: "[", count: 100)), "nested deeper")
        var cut = try golden("t5.json")
        cut.removeLast(cut.count / 3)
        refuse(String(decoding: cut, as: UTF8.self), "malformed JSON")
    }

    @Test func refusesWhatItDoesNotKnow() {
        refuse(file(#""post":1,"#), "\"post\"", "allowed: version")
        refuse(file(model: #""cache":true,"#), "t.json.model", "\"cache\"")
        refuse(file(#""normalizer":{"type":"Rot13"},"#), "t.json.normalizer", "Rot13", "NFKC")
        refuse(file(#""pre_tokenizer":{"type":"UnicodeScripts"},"#), "UnicodeScripts", "ByteLevel")
        refuse(
            file(#""pre_tokenizer":{"type":"Split","pattern":{"Regex":"x+"},"behavior":"Isolated","invert":false},"#),
            "x+",
            "cl100k")
        refuse(file(#""decoder":{"type":"CTC"},"#), "CTC", "WordPiece")
        refuse(file(#""post_processor":{"type":"Other"},"#), "Other", "TemplateProcessing")
        refuse(file(model: #""dropout":0.1,"#), "dropout", "0.1")
        refuse(#"{"model":{"type":"Neural","vocab":{}}}"#, "Neural", "Unigram")
    }

    @Test func refusesContradictions() {
        refuse(file(merges: #"["a c"]"#), "merges[0]", "\"c\" is not in the vocabulary")
        refuse(file(merges: #"["b a"]"#), "merges[0]", "the piece that it makes")
        refuse(file(merges: #"["a b","a b"]"#), "merges[1]", "twice")
        refuse(file(merges: #"["ab"]"#), "merges[0]", "two pieces")
        refuse(file(vocabulary: #"{"a":0,"b":1,"ab":1}"#), "\"b\" and \"ab\"", "same number 1")
        refuse(file(vocabulary: #"{"a":0,"b":1,"ab":3}"#), "no token with the number 2", "from 0 to 2")
        refuse(file(vocabulary: #"{"a":0,"b":1,"ab":-2}"#), "\"ab\"", "-2")
        refuse(file(vocabulary: #"{"a":0,"a":1}"#), "occurs more than once")
        refuse(file(model: #""unk_token":"u","#), "unk_token", "\"u\" is not in the vocabulary")
        refuse(
            file(#""added_tokens":[{"id":7,"content":"a","special":true}],"#), "\"a\" has the number 7, but 0")
        refuse(file(#""added_tokens":[{"id":3,"content":""}],"#), "added_tokens[0].content")
        refuse(
            file(#""added_tokens":[{"id":3,"content":"x"},{"id":4,"content":"x"}],"#), "\"x\" is listed twice")
        refuse(file(#""post_processor":{"type":"BertProcessing","sep":["b",9],"cls":["a",0]},"#), "9", "below 3")
        refuse(#"{"model":{"type":"Unigram","vocab":[["a",-1.0],["a",-2.0]],"unk_id":0}}"#, "\"a\"", "twice")
        refuse(#"{"model":{"type":"Unigram","vocab":[["a",-1.0]],"unk_id":1}}"#, "unk_id", "below 1")
        refuse(#"{"model":{"type":"WordPiece","vocab":{"a":0}}}"#, "unk_token")
    }

    @Test func keysAreComparedByteForByte() throws {
        // One scalar, and two that are canonically equivalent.
        let text = file(vocabulary: "{\"\u{E9}\":0,\"e\u{301}\":1,\"e\":2,\"\u{301}\":3}", merges: "[\"e \u{301}\"]")
        let pipeline = try TokenizerFile(parsing: Array(text.utf8), source: "t.json").pipeline()
        var tokens: [Int32] = []
        Array("\u{E9}e\u{301}".utf8).withUnsafeBufferPointer { pipeline.encode($0, into: &tokens) }
        #expect(tokens == [0, 1])
    }

    // MARK: Older files

    @Test func readsTheFilesOfGPT2() throws {
        let json = try JSON(parsing: try golden("gpt2.json"), source: "gpt2.json")
        let model = try #require(json["model"])
        let merges = try #require(model["merges"]?.arrayValue).map { pair in
            (pair.arrayValue ?? []).compactMap(\.stringValue).joined(separator: " ")
        }
        let converted = try VocabularyFiles.gpt2(
            vocabulary: Array(try #require(model["vocab"]).line.utf8), "vocab.json",
            merges: Array(("#version: 0.2\n" + merges.joined(separator: "\n") + "\n").utf8), "merges.txt")
        let (whole, parts) = (try goldenPipeline("gpt2"), try TokenizerFile(converted, source: "vocab.json").pipeline())
        let text = Array("The quick brown fox doesn't 12 été\n\n  x<|endoftext|>".utf8)
        var tokens: ([Int32], [Int32]) = ([], [])
        text.withUnsafeBufferPointer {
            whole.encode($0, findsSpecial: true, into: &tokens.0)
            parts.encode($0, findsSpecial: true, into: &tokens.1)
        }
        #expect(tokens.0 == tokens.1 && tokens.0.last == 0)
        #expect(throws: Failure.self) {
            _ = try VocabularyFiles.gpt2(vocabulary: Array("{}".utf8), "v", merges: [], "m")
        }
        #expect(throws: Failure.self) {
            _ = try VocabularyFiles.gpt2(vocabulary: Array(#"{"a":0}"#.utf8), "v", merges: [], "m")
        }
    }

    @Test func readsTheVocabularyOfBERT() throws {
        let lines = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "fox", "##es", "é"]
        func tokens(_ lines: [String], _ text: String) throws -> [Int32] {
            let json = try VocabularyFiles.bert(
                Array(lines.joined(separator: "\r\n").utf8), "vocab.txt", lowercases: nil)
            var tokens: [Int32] = []
            try Array(text.utf8).withUnsafeBufferPointer { text in
                try TokenizerFile(json, source: "vocab.txt").pipeline().encode(text, into: &tokens)
            }
            return tokens
        }
        #expect(try tokens(lines, "The foxes The") == [5, 6, 7, 5])
        // A vocabulary with upper case keeps it.
        #expect(try tokens(lines + ["The"], "The foxes the") == [9, 6, 7, 5])
        #expect(throws: Failure.self) { _ = try tokens(["a", "b"], "a") }
        #expect(throws: Failure.self) { _ = try tokens(lines + ["the"], "a") }
    }

    @Test func readsRanks() throws {
        let bytes = (0...255).map { [UInt8($0)] }
        func line(_ token: [UInt8], _ rank: Int) -> String { "\(encoded(token)) \(rank)" }
        let tokens = bytes + ["th", "the", " t", "he"].map { Array($0.utf8) }
        let file = tokens.enumerated().map { line($1, $0) }.joined(separator: "\n")
        let json = try RankFile.tokenizer(Array(file.utf8), "x.tiktoken", pattern: .cl100k)
        let pipeline = try TokenizerFile(json, source: "x").pipeline()
        var found: [Int32] = []
        Array("the the he".utf8).withUnsafeBufferPointer { pipeline.encode($0, into: &found) }
        // "th" has the lowest rank; " the" becomes " ", "th", "e", then " ", "the".
        #expect(found == [257, 32, 257, 32, 259])
        #expect(pipeline.tokenCount == 261 && pipeline.addedTokens.map(\.number) == [260])
        for (text, part) in [
            (file, "260 ranks"), ("", "is empty"), ("YQ== 1", "found the rank 1 instead of 0"), ("? 0", "line 1"),
            ("YQ== 0\nYQ== 1", "listed before"),
        ] {
            expectFailure(.badData, part) {
                _ = try RankFile.tokenizer(
                    Array(text.utf8), "x.tiktoken", pattern: part == "260 ranks" ? nil : .gpt2)
            }
        }
    }

    private func encoded(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = (0..<3).reduce(UInt32(0)) { $0 << 8 | UInt32(start + $1 < bytes.count ? bytes[start + $1] : 0) }
            for place in 0..<4 {
                text.append(place <= group.count ? digits[Int(bits >> UInt32(18 - 6 * place) & 63)] : "=")
            }
        }
        return text
    }

    // MARK: Training

    @Test func learnsTheMergesOfTheMostFrequentPairs() {
        let text = Array(
            "low low low low low lower lower newest newest newest newest newest newest widest widest widest".utf8)
        let merges = text.withUnsafeBufferPointer { text in
            var training = BytePairTraining(text, firstByte: 0)
            return training.learn(6)
        }
        var names = BytePairTraining.byteOrder.map { String(UnicodeScalar($0)) }
        for merge in merges { names.append(names[Int(merge.left)] + names[Int(merge.right)]) }
        #expect(Array(names.suffix(6)) == ["es", "est", "lo", "low", "ew", "new"])
    }
}
