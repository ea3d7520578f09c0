import Failures
import Files
import Models
import TestSupport
import Testing

@testable import Inference

/// The settings of generation that an imported model came with.
@Suite struct ImportedSettingsTests {
    private func settings(_ json: String) throws -> ImportedSettings {
        let members = try #require(try JSON(parsing: Array(json.utf8), source: "a").objectValue)
        return try ImportedSettings(members, vocabularySize: 100, source: "a")
    }

    private func applied(
        _ json: String, except chosen: Set<GenerationOption> = [], _ family: ModelConfiguration.Family = .decoder,
        _ change: (inout GenerationSettings) -> Void = { _ in }
    ) throws -> (settings: GenerationSettings, line: String?) {
        var settings = GenerationSettings(checkpoint: "")
        change(&settings)
        let line = try self.settings(json).apply(to: &settings, except: chosen, of: family.architecture)
        return (settings, line)
    }

    @Test func samplesOnlyIfTheFileSaysSo() throws {
        let greedy = try applied(#"{"temperature": 0.6, "top_k": 7}"#)
        #expect(greedy.settings.temperature == 0 && greedy.settings.decoding.topK == 0)
        #expect(greedy.line == "--temperature 0")
        let sampled = try applied(#"{"do_sample": true, "temperature": 0.6, "top_p": 0.9, "top_k": 20}"#)
        #expect(sampled.settings.temperature == 0.6 && sampled.settings.decoding.topP == 0.9)
        #expect(sampled.line == "--temperature 0.6, --top-k 20, --top-p 0.9")
        // The defaults of transformers.
        #expect(try applied(#"{"do_sample": true}"#).line == "--temperature 1, --top-k 50")
        // What it would do anyway.
        #expect(try applied("{}", .encoderDecoder).line == nil)
    }

    @Test func optionsOverride() throws {
        let file =
            #"{"do_sample": true, "temperature": 0.6, "top_k": 20, "repetition_penalty": 1.3, "max_new_tokens": 9}"#
        let given = try applied(file, except: [.temperature, .tokens]) {
            ($0.temperature, $0.decoding.tokens) = (0.5, 3)
        }
        #expect(given.settings.temperature == 0.5 && given.settings.decoding.tokens == 3)
        #expect(given.line == "--top-k 20, --repetition-penalty 1.3")
        // A greedy choice needs no limits of sampling; a beam search neither.
        #expect(try applied(file, except: [.temperature]) { $0.temperature = 0 }.settings.decoding.topK == 0)
        let beams = try applied(file, except: [.beams]) { $0.decoding.beams = 4 }
        #expect(beams.settings.temperature == nil && beams.settings.decoding.topK == 0)
        // Who asks for samples gets them, with the temperature of a decoder.
        #expect(try applied(#"{"num_beams": 4}"#, except: [.samples]).settings.temperature == 0.8)
    }

    @Test func beamsAndLengths() throws {
        let (settings, line) = try applied(
            #"{"num_beams": 4, "length_penalty": 2.0, "max_length": 65, "min_length": 5, "no_repeat_ngram_size": 3}"#,
            .encoderDecoder)
        #expect(settings.decoding.beams == 4 && settings.decoding.lengthPenalty == 2)
        // The first token of the output counts in transformers.
        #expect(settings.decoding.tokens == 64 && settings.decoding.minimumTokens == 4)
        #expect(line == "--beam 4, --length-penalty 2, --tokens 4:64; not supported: no_repeat_ngram_size")
        let decoder = try applied(
            #"{"max_length": 20, "no_repeat_ngram_size": 0, "typical_p": 1.0, "use_cache": true}"#)
        #expect(decoder.settings.decoding.tokens == 200 && decoder.line == "--temperature 0; not supported: max_length")
    }

    @Test func endsAndForbiddenTokens() throws {
        let (settings, line) = try applied(
            #"{"eos_token_id": [5, 7, 500], "suppress_tokens": [3], "bad_words_ids": [[4]], "do_sample": null}"#)
        #expect(try self.settings(#"{"eos_token_id": [5, 7, 500]}"#).endTokens == [5, 7])
        #expect(settings.decoding.forbiddenTokens == [3, 4])
        #expect(line == "--temperature 0, without 2 tokens, until token 5 or 7")
        #expect(try applied(#"{"bad_words_ids": [[4, 5]]}"#).line?.contains("not supported: bad_words_ids") == true)
    }

    @Test(arguments: [
        (#"{"temperature": "hot"}"#, #"a: "temperature" is "hot"; allowed: a number from 0.0 to 100.0."#),
        (#"{"temperature": -1}"#, "allowed: a number from 0.0"), (#"{"top_k": 1.5}"#, "a whole number from 0"),
        (#"{"top_p": 2}"#, "from 1e-06 to 1.0"), (#"{"do_sample": 1}"#, "allowed: true or false"),
        (#"{"num_beams": 0}"#, "from 1 to 1000"), (#"{"eos_token_id": [5, -1]}"#, "allowed: token IDs"),
        (#"{"bad_words_ids": 3}"#, "a list of lists of token IDs"), (#"{"max_new_tokens": 0}"#, "from 1 to"),
    ])
    func wrongValuesAreRefused(json: String, message: String) {
        expectFailure(.badData, message) { _ = try settings(json) }
    }
}
