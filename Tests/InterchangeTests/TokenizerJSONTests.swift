import Files
import Foundation
import Models
import TestSupport
import Testing

@testable import Interchange
import Tokenizers

/// Applies `tokenizer.json` step by step, as the library `tokenizers` does.
@Suite struct TokenizerJSONTests {
    private func golden(_ name: String) throws -> SentencePieceTokenizer {
        let path = goldenTokenizerModel("\(name).model")
        return try SentencePieceTokenizer(model: try FileSystem.contents(of: path), source: path)
    }

    private func written(
        _ tokenizer: any Tokenizer, _ family: ModelConfiguration.Family = .decoder
    ) -> TokenizerJSON? {
        var configuration = ModelConfiguration()
        configuration.family = family
        let sizes = ModelSizes(vocabularySize: tokenizer.vocabularySize, contextLength: 64)
        return TokenizerJSON(
            tokenizer, for: PortableModel(configuration, sizes, labels: nil, special: tokenizer.specialTokens))
    }

    private static let texts = [
        "", "a", " a", "a ", "copies of the Work", "a\nb", "\n", "\n\n a\n", "  two  spaces ", "naïve 漢字 🙂\n\tx",
        "<s> </s> <mask>", "<0x41>", "aaaaaaaa", "e\u{301}é", "\r\n x", "x\n y\n\n  z", "\0\u{7F}",
        "Unless required by applicable law or agreed to in writing, software\ndistributed under the License",
    ]

    @Test func bytePairsGiveTheSameIDs() throws {
        let tokenizer = try golden("lossless")
        let files = try #require(written(tokenizer))
        let reader = try BytePairReader(files.tokenizer)
        for text in TokenizerJSONTests.texts {
            #expect(reader.encode(text) == (try tokenizer.encode(text)), "\(text.debugDescription)")
        }
        // The one listed exception is indeed encoded differently.
        #expect(files.exceptions.count == 1)
        #expect(reader.encode("a\u{2581}b") != (try tokenizer.encode("a\u{2581}b")))
    }

    @Test func byteTokensHaveTheSameIDs() throws {
        for tokenizer in [ByteTokenizer(), ByteTokenizer(withSpecialTokens: true)] {
            let files = try #require(written(tokenizer))
            let vocabulary = try #require(files.tokenizer["model"]?["vocab"]?.objectValue)
            #expect(vocabulary.map(\.value.integerValue) == Array(0..<tokenizer.vocabularySize))
            // The library's names of bytes: visible Latin-1 characters represent themselves.
            #expect(
                ["A", "Ġ", "Ċ", "é", "Ń"].map { name in vocabulary.firstIndex { $0.name == name } }
                    == [0x41, 0x20, 0x0A, 0xE9, 0xAD])
            #expect(Set(vocabulary.map { Array($0.name.utf8) }).count == vocabulary.count)
            #expect(files.tokenizer["added_tokens"]?.arrayValue?.count == tokenizer.vocabularySize - 256)
            #expect(files.exceptions.isEmpty)
        }
    }

    @Test func addsSpecialTokensOfFamily() throws {
        let tokenizer = ByteTokenizer(withSpecialTokens: true)
        func single(_ family: ModelConfiguration.Family) -> [String?]? {
            written(tokenizer, family)?.tokenizer["post_processor"]?["single"]?.arrayValue?.map {
                ($0["SpecialToken"] ?? $0["Sequence"])?["id"]?.stringValue
            }
        }
        #expect(single(.decoder) == nil)
        #expect(single(.classifier) == ["<cls>", "A"])
        #expect(single(.encoderDecoder) == ["A", "<eos>"])
    }

    @Test(arguments: ["foreign", "prefixless"]) func otherModelsHaveNoTokenizerJSON(name: String) throws {
        #expect(written(try golden(name)) == nil)
        #expect(written(NumberTokenizer(vocabularySize: 9)) == nil)
    }
}

/// An interpreter of BPE in `tokenizer.json`: added tokens, a prefix and a replacement for each part, merges by rank,
/// and byte tokens for unknown characters.
private struct BytePairReader {
    private var numbers: [[UInt8]: Int32] = [:]
    private var ranks: [[[UInt8]]: Int] = [:]
    private let prefix: [UInt8]

    init(_ json: JSON) throws {
        let model = try #require(json["model"])
        for member in try #require(model["vocab"]?.objectValue) {
            numbers[Array(member.name.utf8)] = Int32(try #require(member.value.integerValue))
        }
        for (rank, pair) in try #require(model["merges"]?.arrayValue).enumerated() {
            ranks[try #require(pair.arrayValue).map { Array(($0.stringValue ?? "").utf8) }] = rank
        }
        let steps = try #require(json["normalizer"]?["normalizers"]?.arrayValue)
        prefix = Array(try #require(steps[0]["prepend"]?.stringValue).utf8)
        #expect(steps[1]["pattern"]?["String"] == " " && steps[1]["content"] == steps[0]["prepend"])
        let lineBreak = json["added_tokens"]?.arrayValue?.first { $0["content"] == "\n" }
        #expect(lineBreak?["special"] == false && lineBreak?["normalized"] == false)
    }

    func encode(_ text: String) -> [Int32] {
        let lines = Array(text.utf8).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let encoded = lines.map { line(String(decoding: $0, as: UTF8.self)) }
        return Array(encoded.joined(separator: [numbers[[UInt8(ascii: "\n")]]!]))
    }

    private func line(_ text: String) -> [Int32] {
        if text.isEmpty { return [] }
        var parts = ([prefix] + text.unicodeScalars.map { $0 == " " ? prefix : Array(String($0).utf8) })
        while true {
            let pairs = parts.indices.dropLast().compactMap { index in
                ranks[[parts[index], parts[index + 1]]].map { (rank: $0, index: index) }
            }
            guard let best = pairs.min(by: { ($0.rank, $0.index) < ($1.rank, $1.index) }) else { break }
            parts[best.index] += parts.remove(at: best.index + 1)
        }
        return parts.flatMap { part -> [Int32] in
            if let number = numbers[part] { return [number] }
            return part.map { byte in
                let digits = String(byte, radix: 16, uppercase: true)
                return numbers[Array("<0x\(digits.count == 1 ? "0" : "")\(digits)>".utf8)]!
            }
        }
    }
}
