import DTrain
import Inference
import TestSupport
import Testing

/// Texts from the library equal the output of the program.
@Suite struct GenerationTests {
    /// The output of `dtrain generate --prompt`.
    private func printed(
        _ sample: SampleModel, _ prompt: String, _ change: (inout GenerationSettings) -> Void = { _ in }
    ) throws -> String {
        var settings = GenerationSettings(checkpoint: sample.checkpoint)
        change(&settings)
        var bytes: [UInt8] = []
        try Generation.onOneRank(settings).run(prompt: prompt, output: { bytes += $0 }, shouldStop: { false })
        return String(decoding: bytes, as: UTF8.self)
    }

    private func options(_ change: (inout GenerationOptions) -> Void) -> GenerationOptions {
        var options = GenerationOptions()
        change(&options)
        return options
    }

    @Test func continuationsEqualTheProgramsOutput() throws {
        let sample = try SampleModel("decoder")
        let model = try Model(at: sample.run)
        for prompt in ["abc", "größe", "\n"] {
            #expect(try prompt + model.generate(prompt) + "\n" == printed(sample, prompt))
            let greedy = try printed(sample, prompt) { ($0.temperature, $0.decoding.tokens) = (0, 30) }
            #expect(
                try prompt + model.generate(prompt, options { ($0.temperature, $0.tokens) = (0, 30) }) + "\n" == greedy)
            let other = options {
                ($0.temperature, $0.topK, $0.topP, $0.seed, $0.tokens) = (1.5, 40, 0.9, 7, 50)
                ($0.repetitionPenalty, $0.minimumTokens, $0.stops) = (1.3, 4, ["e", "zz"])
            }
            let text = try printed(sample, prompt) {
                ($0.temperature, $0.stops) = (1.5, ["e", "zz"])
                ($0.decoding.topK, $0.decoding.topP, $0.decoding.seed, $0.decoding.tokens) = (40, 0.9, 7, 50)
                ($0.decoding.repetitionPenalty, $0.decoding.minimumTokens) = (1.3, 4)
            }
            #expect(try prompt + model.generate(prompt, other) + "\n" == text)
            let beams = try printed(sample, prompt) { ($0.decoding.beams, $0.decoding.lengthPenalty) = (3, 0.5) }
            #expect(
                try prompt + model.generate(prompt, options { ($0.beams, $0.lengthPenalty) = (3, 0.5) }) + "\n" == beams
            )
        }
    }

    @Test func streamedPartsFormTheText() throws {
        let model = try SampleModel.opened("decoder")
        for beams in [1, 2] {
            var parts: [String] = []
            let text = try model.generate("größe", options { ($0.beams, $0.tokens) = (beams, 60) }) { parts.append($0) }
            #expect(parts.joined() == text)
            #expect(beams == 1 ? parts.count > 10 : parts.count == 1)
        }
    }

    /// Several prompts have the results of single prompts, for any batch size; a repeated prompt has a different
    /// sample.
    @Test func batchSizeChangesNoResult() throws {
        let model = try SampleModel.opened("decoder")
        let prompts = ["abc", "de", "größe", "abc"]
        for batch in [1, 3, 16] {
            let texts = try model.generate(prompts, options { $0.batch = batch })
            for (prompt, text) in zip(prompts.dropLast(), texts) { #expect(try model.generate(prompt) == text) }
            #expect(texts[3] != texts[0])
        }
        #expect(try model.generate([]) == [])
    }

    @Test func translationsEqualTheProgramsOutput() throws {
        let sample = try SampleModel("encoder_decoder")
        let model = try Model(at: sample.run)
        #expect(model.family == .encoderDecoder)
        for beams in [1, 4] {
            let texts = ["ab", "größe", "abcdefghijk"]
            let translations = try model.translate(texts, options { $0.beams = beams })
            for (text, translation) in zip(texts, translations) {
                #expect(try printed(sample, text) { $0.decoding.beams = beams } == translation + "\n")
                #expect(try model.translate(text, options { ($0.beams, $0.batch) = (beams, 1) }) == translation)
            }
        }
    }

    @Test(arguments: ["encoder", "prefix_decoder"]) func filledTextsEqualTheProgramsOutput(family: String) throws {
        let sample = try SampleModel(family)
        let model = try Model(at: sample.run)
        let texts = ["a [MASK] b", "[MASK]c"]
        let filled = try model.fill(texts)
        for (text, result) in zip(texts, filled) {
            #expect(try printed(sample, text) == result + "\n")
            #expect(try model.fill(text) == result && !result.contains("[MASK]"))
        }
        if family == "encoder" {
            expectError(.usage, "text 2 of 2 has no [MASK] to fill") { _ = try model.fill(["a [MASK]", "a"]) }
        }
    }

    @Test func rejectsEmptyAndTooLongPrompts() throws {
        let model = try SampleModel.opened("decoder")
        let long = String(repeating: "x", count: 13)
        expectError(.usage, "the prompt has 13 tokens; the model's limit is 12.") {
            _ = try model.generate(long)
        }
        expectError(.usage, "prompt 2 of 2 has 13 tokens") { _ = try model.generate(["a", long]) }
        #expect(try !model.generate(long, options { $0.crop = true }).isEmpty)
        expectError(.usage, "the prompt is empty. Give at least one character.") { _ = try model.generate("") }
        expectError(.usage, "prompt 1 of 2 is empty") { _ = try model.generate(["", "a"]) }
        let translator = try SampleModel.opened("encoder_decoder")
        expectError(.usage, "the text has 12 tokens; the model's limit is 11") {
            _ = try translator.translate("abcdefghijkl")
        }
    }

    @Test func rejectsInvalidOptions() throws {
        let model = try SampleModel.opened("decoder")
        func refuse(_ words: String, _ change: (inout GenerationOptions) -> Void) {
            expectError(.usage, words) { _ = try model.generate("abc", options(change)) }
        }
        refuse("tokens: found 0; allowed: a whole number from 1 to 1000000000.") { $0.tokens = 0 }
        refuse("minimumTokens: found 201; allowed: a whole number from 0 to 200.") { $0.minimumTokens = 201 }
        refuse("temperature: found -0.1; allowed: a number from 0.0 to 100.0.") { $0.temperature = -0.1 }
        refuse("temperature: found nan") { $0.temperature = .nan }
        refuse("topK: found -1") { $0.topK = -1 }
        refuse("topP: found 0.0") { $0.topP = 0 }
        refuse("repetitionPenalty: found inf") { $0.repetitionPenalty = .infinity }
        refuse("beams: found 0; allowed: a whole number from 1 to 1000.") { $0.beams = 0 }
        refuse("lengthPenalty: found 101.0") { ($0.lengthPenalty, $0.beams) = (101, 2) }
        refuse("lengthPenalty requires beam search") { $0.lengthPenalty = 2 }
        refuse("batch: found 0") { $0.batch = 0 }
        refuse("seed: found -1") { $0.seed = -1 }
        refuse("stops: found an empty text") { $0.stops = ["a", ""] }
        refuse("beams and temperature cannot be combined") { ($0.beams, $0.temperature) = (2, 0.5) }
        refuse("beams and topK cannot be combined") { ($0.beams, $0.topK) = (2, 5) }
        refuse("beams and topP cannot be combined") { ($0.beams, $0.topP) = (2, 0.5) }
    }

    @Test func tokensRoundTrip() throws {
        let model = try SampleModel.opened("encoder")
        let tokens = try model.tokenize("größe")
        #expect(tokens == "größe".utf8.map(Int.init))
        #expect(try model.detokenize(tokens) == "größe")
        #expect(try model.tokenize("") == [] && model.detokenize([]) == "")
        // A special token, a token outside the vocabulary, and a part of a character.
        #expect(try model.detokenize([97, 256, 98]) == "ab")
        #expect(try model.detokenize([97, 300, -1, .max, 98]) == "a\u{FFFD}\u{FFFD}\u{FFFD}b")
        #expect(try model.detokenize([0xC3]) == "\u{FFFD}")
    }
}
