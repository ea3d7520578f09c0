import TestSupport
import Testing

@testable import Tokenizers

/// The tokens that are never chosen in generation.
@Suite struct TokensWithoutTextTests {
    @Test func listsSpecialAndEmptyTokens() throws {
        #expect(ByteTokenizer().tokensWithoutText().isEmpty)
        #expect(ByteTokenizer(withSpecialTokens: true).tokensWithoutText() == Array(256..<262))
        #expect(NumberTokenizer(vocabularySize: 9, specialTokens: SpecialTokens(pad: 3)).tokensWithoutText() == [3])
        // <pad>; the unknown token, although it decodes to a character; <s>, </s>, <cls>, <sep> and <mask>; but not the
        // line break.
        #expect(try goldenTokenizer("lossless").tokensWithoutText() == Array(0..<7))
    }
}

@Suite struct TokenizerTests {
    @Test func byteTokensReadBack() throws {
        let tokenizer = ByteTokenizer()
        #expect(try tokenizer.encode("aé\0") == [0x61, 0xC3, 0xA9, 0])
        let all = (0..<256).map(Int32.init)
        #expect(tokenizer.decode(all) == (0..<256).map(UInt8.init))
        #expect(tokenizer.vocabularySize == 256)
    }

    @Test(arguments: [Int32(256), -1, .max, .min]) func unknownTokenDecodesToReplacementCharacter(token: Int32) {
        #expect(ByteTokenizer().decode([0x61, token, 0x62]) == Array("a\u{FFFD}b".utf8))
    }

    @Test func numberTokensReadBack() throws {
        let tokenizer = NumberTokenizer(vocabularySize: 100)
        #expect(try tokenizer.encode(" 0 99\n7") == [0, 99, 7])
        #expect(String(decoding: tokenizer.decode([0, 99, 7]), as: UTF8.self) == "0 99 7 ")
        #expect(try tokenizer.encode("") == [])
    }

    @Test func numberAtChunkEndIsNotEncodedYet() throws {
        var found: [Int32] = []
        let taken = try Array("12 34".utf8).withUnsafeBytes {
            try NumberTokenizer(vocabularySize: 100).encode($0, isLast: false, appendingTo: &found)
        }
        #expect(taken == 3)
        #expect(found == [12])
    }

    @Test(arguments: ["100", "-1", "x", "1.5", "99999999999999999999"])
    func rejectsTextThatIsNotATokenID(text: String) {
        expectFailure(.usage, "'\(text)'", "0 to 99") {
            _ = try NumberTokenizer(vocabularySize: 100).encode("1 \(text) 2")
        }
    }

    @Test func descriptionRecreatesTokenizer() throws {
        let byte = try makeTokenizer(TokenizerDescription(kind: .byte), vocabularySize: 256)
        #expect(byte.description == TokenizerDescription(kind: .byte))
        let numbers = try makeTokenizer(TokenizerDescription(kind: .none), vocabularySize: 50_304)
        #expect(numbers.vocabularySize == 50_304)
        expectFailure(.badData, "has 300 tokens", "256") {
            _ = try makeTokenizer(TokenizerDescription(kind: .byte), vocabularySize: 300)
        }
    }
}
