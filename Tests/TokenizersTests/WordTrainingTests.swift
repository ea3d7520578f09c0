import TestSupport
import Testing

@testable import Tokenizers

struct WordTrainingTests {
    private func learn(_ size: Int, _ text: String) throws -> PipelineTokenizer {
        var sample = TokenizerChoice.words(size: size).sample(totalBytes: text.utf8.count, limitBytes: 1 << 20)
        Array(text.utf8).withUnsafeBytes { sample.append($0) }
        return try WordTraining.learn(size: size, from: sample)
    }

    /// The most frequent words come first, ties in the order of their bytes; the others are unknown.
    @Test func wordsAreOrderedByFrequency() throws {
        let tokenizer = try learn(11, "The dog\nthe cat, the <mask> dog,\nzoo")
        #expect(tokenizer.vocabularySize == 11)
        #expect(try tokenizer.encode("THE, dog") == [7, 8, 9])
        #expect(try tokenizer.encode("cat < zoo") == [1, 10, 1])
        #expect(tokenizer.specialTokens.unknown == 1 && tokenizer.specialTokens.eos == 3)
        #expect(String(decoding: tokenizer.decode([7, 9]), as: UTF8.self) == "the dog")
        let everything = try learn(1000, "a b\nb c")
        #expect(everything.vocabularySize == 10)
        let again = try makeTokenizer(
            everything.description, vocabularySize: 10, allowsPadding: false, model: everything.model, source: "test")
        #expect(try again.encode("b a") == [7, 8])
    }

    @Test func refusals() {
        expectFailure(.usage, "word:7", "special tokens alone need 7") { _ = try learn(7, "a") }
        expectFailure(.usage, "word needs its number of tokens") { _ = try TokenizerChoice(parsing: "word") }
    }
}
