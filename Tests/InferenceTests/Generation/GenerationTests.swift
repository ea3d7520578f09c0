import Checkpoints
import Collectives
import Datasets
import Files
import Models
import Settings
import Tensors
import TestSupport
import Testing
import Tokenizers

@testable import Inference

/// Texts from a byte-level model with random initial weights.
struct GenerationTests {
    private let directory = TemporaryDirectory()
    private let checkpoint: String

    init() throws {
        let configuration = try Configuration.load(
            file: nil,
            sets: [
                "model.layers=1", "model.heads=2", "model.width=16", "data.context_length=9",
                "run.seed=\(1 + seedOffset)",
            ])
        let sizes = ModelSizes(vocabularySize: 256, contextLength: 9)
        let layout = Transformer<Float>(configuration.model, sizes).layout
        let weights = Arena<Float>(count: layout.count)
        layout.initialize(0..<layout.count, into: weights.base, seed: UInt64(configuration.run.seed))
        checkpoint = try Checkpoint.commit(
            run: RunDirectory(directory.file("run")), state: CheckpointState(step: 1, consumedSamples: 1),
            program: "test",
            identity: [
                "configuration": .string(configuration.resolvedYAML), "layout": "0", "dataset": "0",
                "vocabulary_size": 256, "data": DatasetFacts(textWith: ByteTokenizer().description).json,
            ], files: [(modelFileName, NamedArena(weights, layout).sources)]
        ).directory
    }

    private func generation(_ change: (inout GenerationSettings) -> Void) throws -> Generation {
        var settings = GenerationSettings(checkpoint: checkpoint)
        change(&settings)
        return try Generation(settings, SoloCommunicator())
    }

    /// A prompt has the same output by itself and as one of many. The output is valid UTF-8, whatever bytes the model
    /// generates.
    @Test(arguments: [1, 3]) func outputDoesNotDependOnOtherPrompts(beams: Int) throws {
        let generation = try generation {
            $0.crops = true
            $0.form.kind = .textObject
            $0.decoding.tokens = 60
            $0.decoding.beams = beams
        }
        // The last nine bytes begin inside a character.
        let prompts = ["größe größe", "abc", "𝛼𝛼𝛼𝛼"]
        let lines = try #require(try generation.run(lines: prompts, name: "prompts") { false })
        var replaced = 0
        for (prompt, line) in zip(prompts, lines) {
            var bytes: [UInt8] = []
            try generation.run(prompt: prompt, output: { bytes += $0 }, shouldStop: { false })
            let object = try JSON(parsing: Array(line.utf8), source: "line")
            #expect(bytes == Array(try #require(object["text"]?.stringValue).utf8) + [UInt8(ascii: "\n")], "\(prompt)")
            let text = try #require(String(validating: bytes, as: UTF8.self))
            replaced += text.unicodeScalars.count { $0 == "\u{FFFD}" }
        }
        #expect(replaced > 0)
    }

    /// Each result of a search is a line with its prompt, in order; a repeated prompt has another sample.
    @Test func resultsHaveTheirForm() throws {
        func lines(_ prompts: [String], _ change: (inout GenerationSettings) -> Void) throws -> [String] {
            let generation = try generation {
                ($0.decoding.tokens, $0.form.kind) = (4, .object)
                change(&$0)
            }
            return try #require(try generation.run(lines: prompts, name: "prompts") { false })
        }
        let best = try lines(["ab", "", "c"]) { ($0.decoding.beams, $0.best) = (3, 2) }
        #expect(best.count == 3 && best[1] == #"{"prompt":"","text":""}"#)
        let objects = try best[0].split(separator: "\n").map { try JSON(parsing: Array($0.utf8), source: "line") }
        #expect(objects.count == 2 && objects.allSatisfy { $0["prompt"] == "ab" })
        let scores = objects.compactMap { $0["log_probability"]?.doubleValue }
        #expect(scores.count == 2 && scores[0] >= scores[1] && scores[0] < 0)
        #expect(objects[0]["tokens"]?.arrayValue?.count == 4)

        let samples = try lines(["ab", "ab", "ab"]) { $0.temperature = 1 }
        #expect(Set(samples).count == 3)
        let scored = try lines(["ab"]) { ($0.form.kind, $0.form.precedesWithScore, $0.temperature) = (.text, true, 0) }
        let parts = scored[0].split(separator: "\t", maxSplits: 1)
        #expect(Double(parts[0]) ?? 1 < 0 && parts.last?.hasPrefix("ab") == true)
    }

    /// No output contains a forbidden text, also where single tokens would spell it.
    @Test func forbiddenTextsAreNotGenerated() throws {
        func output(_ forbidden: [String]) throws -> String {
            let generation = try generation {
                ($0.decoding.tokens, $0.temperature, $0.forbidden, $0.crops) = (40, 0, forbidden, true)
            }
            return try generation.answers(to: ["ab"], shouldStop: { false }, refuse: { _, _ in preconditionFailure() })[
                0]
        }
        let free = try output([])
        let pair = String(String.UnicodeScalarView(free.unicodeScalars.filter { $0.isASCII }.prefix(1)))
        try #require(!pair.isEmpty)
        #expect(!(try output([pair])).contains(pair))
    }

    /// A batch for which no host has enough memory is rejected before memory is allocated; the message names the
    /// options to lower.
    @Test func memoryEstimateCoversTheWholeBatch() throws {
        let huge = try generation { ($0.decoding.beams, $0.decoding.batch) = (1_000_000_000, 100_000) }
        let agreed = #expect(throws: AgreedFailure.self) {
            try huge.check(lines: Array(repeating: "a", count: 2000), name: "prompts")
        }
        #expect(agreed?.failure.exitCode == .usage)
        for words in [
            "generation needs at least ", "keys and values ", "logits ", "activations ", "continuations ",
            "Lower --beam (1000000000), --batch (100000; it does not change results) or --tokens (200).",
        ] {
            #expect(agreed?.failure.message.contains(words) == true, "\(words): \(agreed as Any)")
        }
        expectFailure(.usage, "generation needs at least ", "--beam (1000000000)") {
            try huge.run(prompt: "a", output: { _ in }, shouldStop: { false })
        }
        // Memory is estimated only for the texts that there are, and only for the positions that they may have.
        let wide = try generation { $0.decoding.batch = 100_000 }
        try wide.check(lines: ["a", "b"], name: "prompts")
        func bytes(texts: Int, tokens: Int = 200, beams: Int = 1) throws -> [String: Double] {
            let generation = try generation {
                ($0.decoding.tokens, $0.decoding.beams, $0.decoding.batch) = (tokens, beams, 1000)
            }
            let inputs = Array(repeating: DecodingInput(text: [97]), count: texts)
            return Dictionary(
                generation.memory(for: inputs, texts: texts).parts.map { ($0.name, $0.bytes) }, uniquingKeysWith: +)
        }
        let one = try bytes(texts: 1)
        // For each of 9 positions 16 elements of the key, 16 of the value and the cache rows; and 256 logits.
        #expect(one["keys and values"] == 9 * (2 * 16 + 2) * 4 && one["logits"] == 256 * 4)
        for (name, bytes) in try bytes(texts: 4) where name != "activations" { #expect(bytes == 4 * one[name]!) }
        for (name, bytes) in try bytes(texts: 2, beams: 5) where one[name] != nil && name != "activations" {
            #expect(bytes == 10 * one[name]!, "\(name)")
        }
        #expect(try bytes(texts: 1, tokens: 3)["keys and values"]! == one["keys and values"]! / 3)
    }
}
