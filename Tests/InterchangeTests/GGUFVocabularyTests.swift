import Files
import Models
import TestSupport
import Testing
import Tokenizers

@testable import GGUF
@testable import Interchange

/// Tokenizers in the terms of llama.cpp. `Golden/check_gguf_tokenizers.py` compares the token IDs of both programs.
@Suite struct GGUFVocabularyTests {
    /// A tokenizer of the library `tokenizers`, and the JSON of its file.
    private func pipeline(_ name: String) throws -> (tokenizer: PipelineTokenizer, model: JSON) {
        let path = goldenPipelineFile("\(name).json")
        let bytes = try FileSystem.contents(of: path)
        return (
            try PipelineTokenizer(model: bytes, source: name), try #require(JSON(parsing: bytes, source: path)["model"])
        )
    }

    private func vocabulary(_ tokenizer: any Tokenizer, surplus: Int = 0) -> GGUFVocabulary {
        let sizes = ModelSizes(vocabularySize: tokenizer.vocabularySize + surplus, contextLength: 64)
        return GGUFVocabulary(
            tokenizer,
            for: PortableModel(ModelConfiguration(), sizes, labels: nil, special: tokenizer.specialTokens))
    }

    private func value(_ vocabulary: GGUFVocabulary, _ name: String) -> GGUFFile.Value? {
        vocabulary.metadata.last { $0.key == "tokenizer.ggml.\(name)" }?.value
    }

    private func texts(_ vocabulary: GGUFVocabulary, _ name: String) -> [String] {
        switch value(vocabulary, name) {
        case .text(let text): [text]
        case .texts(let texts): texts
        default: []
        }
    }

    private func numbers(_ vocabulary: GGUFVocabulary, _ name: String) -> [Double] {
        switch value(vocabulary, name) {
        case .integer(let number): [Double(number)]
        case .integers(let numbers): numbers.map(Double.init)
        case .reals(let numbers): numbers.map(Double.init)
        case .flag(let flag): [flag ? 1 : 0]
        default: []
        }
    }

    @Test(arguments: [
        ("gpt2", "gpt2", "gpt-2"), ("llama3", "gpt2", "llama-bpe"),
        ("qwen3", "gpt2", "qwen35"), ("o200k", "gpt2", "gpt-4o"), ("deepseek", "gpt2", "deepseek-v3"),
        ("llama2", "llama", "default"), ("mistral", "llama", "default"), ("gemma", "llama", "default"),
        ("bert_uncased", "bert", "default"), ("bert_cased", "bert", "default"), ("t5", "t5", "default"),
        ("xlmr", "t5", "default"), ("unigram_bytes", "t5", "default"),
    ])
    func kindsHaveTheNamesOfLlamaCpp(name: String, model: String, splitting: String) throws {
        let vocabulary = vocabulary(try pipeline(name).tokenizer)
        #expect(vocabulary.obstacle == nil)
        #expect(texts(vocabulary, "model") == [model] && texts(vocabulary, "pre") == [splitting])
        let tokens = texts(vocabulary, "tokens")
        #expect(Set(tokens.map { Array($0.utf8) }).count == tokens.count && !tokens.isEmpty)
        #expect(numbers(vocabulary, "token_type").count == tokens.count)
    }

    @Test(arguments: [
        ("falcon", "knows no rules that split texts"), ("roberta", "knows no rules that split texts"),
        ("clip", "marks at the starts or ends of words"),
        ("words", "vocabularies of whole words"),
    ])
    func othersAreNamed(name: String, obstacle: String) throws {
        let vocabulary = vocabulary(try pipeline(name).tokenizer)
        #expect(vocabulary.obstacle?.contains(obstacle) == true, "\(vocabulary.obstacle ?? "")")
        #expect(texts(vocabulary, "model") == ["none"])
        #expect(vocabulary.remark.hasPrefix("without a tokenizer: llama.cpp"))
    }

    @Test func byteLevelTokensAndMergesAreThoseOfTheFile() throws {
        let (tokenizer, model) = try pipeline("gpt2")
        let vocabulary = vocabulary(tokenizer, surplus: 2)
        let merges = try #require(model["merges"]?.arrayValue).map { merge in
            merge.stringValue ?? (merge.arrayValue ?? []).compactMap(\.stringValue).joined(separator: " ")
        }
        #expect(texts(vocabulary, "merges") == merges && merges.count > 50)
        let tokens = texts(vocabulary, "tokens")
        for member in try #require(model["vocab"]?.objectValue) {
            #expect(tokens[try #require(member.value.integerValue)] == member.name)
        }
        #expect(tokens.suffix(2) == ["[PAD\(tokens.count - 2)]", "[PAD\(tokens.count - 1)]"])
        let end = try #require(tokenizer.specialTokens.eos)
        #expect(tokens[Int(end)] == "<|endoftext|>" && numbers(vocabulary, "eos_token_id") == [Double(end)])
        let types = numbers(vocabulary, "token_type")
        #expect(types[Int(end)] == 3 && types.suffix(2) == [5, 5] && types.count { $0 == 1 } == tokens.count - 3)
        #expect(value(vocabulary, "scores") == nil && numbers(vocabulary, "add_bos_token") == [0])
    }

    /// Merges that are earlier have higher scores; bytes and special tokens have types of their own.
    @Test func pairsHaveScoresByRank() throws {
        let (tokenizer, model) = try pipeline("llama2")
        let vocabulary = vocabulary(tokenizer)
        let (tokens, scores) = (texts(vocabulary, "tokens"), numbers(vocabulary, "scores"))
        var last = 1.0
        for merge in try #require(model["merges"]?.arrayValue).prefix(40) {
            let joined =
                merge.stringValue?.replacing(" ", with: "")
                ?? (merge.arrayValue ?? []).compactMap(\.stringValue).joined()
            let score = scores[try #require(tokens.firstIndex(of: joined))]
            #expect(score <= last)
            last = score
        }
        let types = numbers(vocabulary, "token_type")
        #expect(types[try #require(tokens.firstIndex(of: "<0x41>"))] == 6)
        #expect(types[try #require(tokens.firstIndex(of: "<unk>"))] == 2)
        #expect(types[try #require(tokens.firstIndex(of: "<s>"))] == 3)
        #expect(numbers(vocabulary, "add_space_prefix") == [1])
        #expect(numbers(self.vocabulary(try pipeline("gemma").tokenizer), "add_space_prefix") == [0])
    }

    @Test func wordPiecesBeginWithASymbol() throws {
        let (tokenizer, model) = try pipeline("bert_uncased")
        let vocabulary = vocabulary(tokenizer)
        let (tokens, types) = (texts(vocabulary, "tokens"), numbers(vocabulary, "token_type"))
        for member in try #require(model["vocab"]?.objectValue) {
            let number = try #require(member.value.integerValue)
            let wanted =
                types[number] == 3
                ? member.name
                : member.name.hasPrefix("##") ? String(member.name.dropFirst(2)) : "\u{2581}\(member.name)"
            #expect(tokens[number] == wanted)
        }
        #expect(numbers(vocabulary, "normalizer.lowercase") == [1])
        #expect(numbers(self.vocabulary(try pipeline("bert_cased").tokenizer), "normalizer.lowercase") == [0])
        #expect(numbers(vocabulary, "bos_token_id") == numbers(vocabulary, "cls_token_id"))
        #expect(numbers(vocabulary, "add_sep_token") == [1])
    }

    @Test func unigramScoresAndRulesAreKept() throws {
        let (tokenizer, model) = try pipeline("t5")
        let vocabulary = vocabulary(tokenizer)
        let scores = try #require(model["vocab"]?.arrayValue).compactMap { $0.arrayValue?[1].doubleValue }
        for (found, wanted) in zip(numbers(vocabulary, "scores"), scores) { #expect(Float(found) == Float(wanted)) }
        #expect(numbers(vocabulary, "scores").count >= scores.count && scores.count > 50)
        guard case .bytes(let table) = value(vocabulary, "precompiled_charsmap") else {
            Issue.record("no table of characters")
            return
        }
        // The size of the first part, in bytes.
        #expect(table.count > 4 + Int(table[0]) + Int(table[1]) << 8 + Int(table[2]) << 16)
    }

    /// Line breaks of dtrain's own models are user-defined, so that each line is encoded by itself there, too.
    @Test func sentencePieceModelsKeepTheirTypes() throws {
        for (name, kind) in [("lossless", "llama"), ("foreign", "llama")] {
            let path = goldenTokenizerModel("\(name).model")
            let tokenizer = try SentencePieceTokenizer(model: try FileSystem.contents(of: path), source: path)
            let vocabulary = vocabulary(tokenizer)
            #expect(vocabulary.obstacle == nil)
            let model = texts(vocabulary, "model")
            #expect(model == [kind] || model == ["t5"], "\(name)")
            #expect(numbers(vocabulary, "token_type").count == tokenizer.vocabularySize)
            guard name == "lossless" else { continue }
            let types = numbers(vocabulary, "token_type")
            #expect(types[try #require(texts(vocabulary, "tokens").firstIndex(of: "\n"))] == 4)
            #expect(types[1] == 2 && types[0] == 3)
        }
    }

    @Test func bytesAreByteLevelTokensWithoutMerges() {
        let vocabulary = vocabulary(ByteTokenizer(withSpecialTokens: true))
        #expect(vocabulary.obstacle == nil && vocabulary.exceptions.isEmpty)
        #expect(texts(vocabulary, "model") == ["gpt2"] && texts(vocabulary, "merges") == [])
        #expect(texts(vocabulary, "tokens")[0x41] == "A" && texts(vocabulary, "tokens")[0x20] == "Ġ")
        let numbersOnly = self.vocabulary(NumberTokenizer(vocabularySize: 9))
        #expect(numbersOnly.remark == "without a tokenizer: the model reads and writes token IDs")
    }
}
