import Files
import TestSupport
import Testing

@testable import Inference
@testable import Tokenizers

@Suite struct GapTextTests {
    private let tokenizer = ByteTokenizer(withSpecialTokens: true)

    @Test func gapsBecomeMaskTokens() throws {
        let mask = try #require(tokenizer.specialTokens.mask)
        let text = GapText(tokenizer, mask: mask)
        let (tokens, gaps) = try text.encode("a [MASK]é[MASK]")
        #expect(gaps == [2, 5])
        #expect(tokens == [97, 32, mask, 0xC3, 0xA9, mask])
        #expect(String(decoding: text.decode(tokens), as: UTF8.self) == "a [MASK]é[MASK]")
        #expect(try text.encode("[MASK]").gaps == [0])
        #expect(try text.encode("[MASK").gaps.isEmpty)
        #expect(try text.encode("").tokens.isEmpty)
    }

    /// If a tokenizer's pieces include the space before a word, a blank stands for a word with its space, so the tokens
    /// around it are those of ordinary text.
    @Test func gapsIncludeTheSpaceBeforeWords() throws {
        let model = try FileSystem.contents(of: goldenTokenizerModel("lossless.model"))
        let tokenizer = try SentencePieceTokenizer(model: model, source: "lossless.model")
        let mask = try #require(tokenizer.specialTokens.mask)
        let text = GapText(tokenizer, mask: mask)
        let (tokens, gaps) = try text.encode("one [MASK] two")
        #expect(tokens == (try tokenizer.encode("one")) + [mask] + (try tokenizer.encode("two")))
        #expect(gaps == [try tokenizer.encode("one").count])
        var filled = tokens
        filled.replaceSubrange(gaps[0]...gaps[0], with: try tokenizer.encode("and a"))
        #expect(String(decoding: text.decode(filled), as: UTF8.self) == "one and a two")
        for written in ["one [MASK] two", "[MASK] two [MASK]", "[MASK]"] {
            #expect(String(decoding: text.decode(try text.encode(written).tokens), as: UTF8.self) == written)
        }
    }
}
