import Collectives
import DTrain
import Datasets
import Files
import Inference
import Layers
import Models
import Preparation
import Tensors
import TestSupport
import Testing
import Tokenizers

/// Classes, labels, numbers and vectors.
@Suite struct PredictionTests {
    /// The output of `dtrain generate --prompt … --all`.
    private func printed(_ sample: SampleModel, _ text: String) throws -> String {
        var settings = GenerationSettings(checkpoint: sample.checkpoint)
        settings.tellsAllClasses = true
        var bytes: [UInt8] = []
        try Generation.onOneRank(settings).run(prompt: text, output: { bytes += $0 }, shouldStop: { false })
        return String(decoding: bytes, as: UTF8.self)
    }

    private func fixed(_ value: Double) -> String {
        let text = "\(Int((value * 10_000).rounded()))"
        return (value < 0.99995 ? "0." : "1.")
            + (String(repeating: "0", count: max(0, 4 - text.count)) + text).suffix(4)
    }

    @Test(arguments: ["class", "multi"]) func predictionsEqualTheProgramsOutput(kind: String) throws {
        let labels = LabelDescription(kind: kind == "class" ? .class : .multi, names: ["cat", "dog", "bird"])
        let objective = kind == "class" ? "classification" : "multi_label"
        let sample = try SampleModel("classifier", "objective.kind=\(objective)", labels: labels)
        let model = try Model(at: sample.run)
        let texts = ["abc", "größe", "a"]
        for (text, prediction) in zip(texts, try model.classify(texts)) {
            let ranked: [Prediction.Label]
            switch prediction {
            case .classes(let all) where kind == "class": ranked = all
            case .labels(let all) where kind == "multi": ranked = all
            default:
                Issue.record("\(prediction)")
                continue
            }
            let lines = ranked.map { "\($0.name)\t\(fixed($0.probability))\n" }.joined()
            #expect(try printed(sample, text) == lines)
            #expect(prediction.best == ranked.first && ranked.count == 3)
            if kind == "class" { #expect(abs(ranked.reduce(0) { $0 + $1.probability } - 1) < 1e-12) }
            #expect(try model.classify([text], batch: 1) == [prediction])
        }
        #expect(try model.classify([]) == [])
        let long = String(repeating: "x", count: 12)
        expectError(.usage, "the text has 12 tokens; the model's limit is 11") { _ = try model.classify([long]) }
        #expect(try model.classify([long], crop: true) == model.classify([String(long.dropLast())]))
        expectError(.usage, "text 2 of 2 is empty") { _ = try model.classify(["a", ""]) }
        expectError(.usage, "batch: found 0") { _ = try model.classify(["a"], batch: 0) }
    }

    @Test func regressionPredictsANumber() throws {
        let labels = LabelDescription(kind: .number, names: [])
        let sample = try SampleModel("classifier", "objective.kind=regression", labels: labels)
        guard case .number(let number)? = try Model(at: sample.run).classify(["abc"]).first else {
            Issue.record("no number")
            return
        }
        #expect(number.isFinite && number != 0)
    }

    /// The accuracy of the classes that `classify(images:)` predicts equals that of an evaluation.
    @Test func classifyAgreesWithEvaluate() throws {
        let directory = TemporaryDirectory()
        var (paths, classes): ([String], [String]) = ([], [])
        for index in 0..<30 {
            let name = ["dark", "light"][index % 2]
            try FileSystem.makeDirectory(directory.file("set"))
            try FileSystem.makeDirectory(directory.file("set/\(name)"))
            let pixels = (0..<16).map { UInt8(truncatingIfNeeded: index * 41 + $0 * $0 * (7 + index)) }
            paths.append(directory.file("set/\(name)/\(index).png"))
            classes.append(name)
            try File(paths[index], .create).write(png(height: 4, width: 4, channels: 1, pixels))
        }
        var preparation = DatasetPreparation(.images([directory.file("set")]), output: directory.file("data"))
        preparation.validation = [directory.file("set")]
        _ = try preparation.run()
        let dataset = try Dataset.open(directory.file("data"))
        let sample = try SampleModel(
            ["model.family=image_classifier", "model.patch_size=2", "data.directory=\(directory.file("data"))"],
            dataset.facts, vocabularySize: 256)
        let model = try Model(at: sample.run)
        #expect(model.family == .imageClassifier && model.labels == ["dark", "light"] && model.contextLength == 5)

        let predictions = try model.classify(images: paths)
        #expect(try model.classify(images: paths, batch: 1) == predictions)
        let right = zip(predictions, classes).filter { $0.best?.name == $1 }.count
        let evaluation = try Evaluation(
            checkpoint: sample.checkpoint, data: directory.file("data"), weights: nil, SoloCommunicator())
        let accuracy = try evaluation.run().named.first { $0.metric == .accuracy }?.value
        #expect(accuracy == Double(right) / 30 && right > 0 && right < 30)

        for (name, bytes, words) in [
            ("wide.png", png(height: 4, width: 5, channels: 1, Array(0..<20)), "found 4 × 5 pixels, 1 channel; the"),
            ("red.png", png(height: 4, width: 4, channels: 3, Array(0..<48)), "requires 4 × 4 pixels, 1 channel."),
            ("half.png", Array(png(height: 4, width: 4, channels: 1, Array(0..<16)).dropLast(20)), "not a whole PNG"),
            ("text.png", Array("hello".utf8), "it does not begin with the signature of PNG files"),
        ] {
            try File(directory.file(name), .create).write(bytes)
            expectError(.badData, name, words) { _ = try model.classify(images: [paths[0], directory.file(name)]) }
        }
        expectError(.badData, "missing.png") { _ = try model.classify(images: [directory.file("missing.png")]) }
        expectError(.usage, "which cannot classify texts") { _ = try model.classify(["abc"]) }
        expectError(.usage, "which cannot read text") { _ = try model.embed(["abc"]) }
        expectError(.usage, "which cannot read text") { _ = try model.tokenize("abc") }
        expectError(.usage, "which cannot read text") { _ = try model.detokenize([1]) }
    }

    /// The hidden states of a single text, by a plain forward pass: rows of [T, C].
    private func hidden(_ sample: SampleModel, _ tokens: [Int32]) -> [[Float]] {
        let (model, width, count) = (sample.model, sample.model.configuration.width, Int32(tokens.count))
        let activations = model.makeActivations(sequences: 1, positions: 12)
        let context = LayerContext(weights: sample.weights.base, Workspace())
        withUnsafePointer(to: count) { count in
            let zeros = [Int32](repeating: 0, count: tokens.count)
            if model.architecture.hasEncoder {
                var input = ModelInput(sequences: 1, positions: 1)
                input.source = SourceInput(tokens: tokens, positions: tokens.count, lengths: count)
                input.tokens = TokenInput(tokens: zeros)
                model.forward(input, activations, context)
            } else {
                var input = ModelInput(sequences: 1, positions: tokens.count)
                input.tokens = TokenInput(tokens: tokens, spanPositionIDs: zeros)
                input.lengths = count
                if model.architecture.hasPrefixes { input.prefixLengths = count }
                model.forward(input, activations, context)
            }
        }
        let output = activations.encoderOutput ?? activations.output
        let rows = model.outputRows(sequences: 1, positions: 2) == 1 ? 1 : tokens.count
        return (0..<rows).map { row in (0..<width).map { output[row * width + $0] } }
    }

    @Test(arguments: ["decoder", "encoder", "encoder_decoder", "prefix_decoder", "classifier"])
    func vectorsAreReducedHiddenStates(family: String) throws {
        let labels = LabelDescription(kind: .class, names: ["cat", "dog"])
        let sample = try SampleModel(family, labels: family == "classifier" ? labels : nil)
        let model = try Model(at: sample.run)
        let special = ByteTokenizer(withSpecialTokens: true).specialTokens
        let texts = ["abc", "größe", "x", "abcdefgh"]
        for (pooling, batch) in [(.mean, 16), (.mean, 1), (.first, 3), (.last, 2)] as [(DTrain.Pooling, Int)] {
            for (text, vector) in zip(texts, try model.embed(texts, pooling: pooling, batch: batch)) {
                var tokens = text.utf8.map(Int32.init)
                if family == "encoder_decoder" { tokens.append(try #require(special.eos)) }
                if family == "classifier" { tokens.insert(try #require(special.cls), at: 0) }
                let rows = hidden(sample, tokens)
                let expected: [Float] =
                    switch pooling {
                    case .first: rows[0]
                    case .last: rows[rows.count - 1]
                    case .mean:
                        (0..<16).map { column in
                            Float(rows.reduce(0) { $0 + Double($1[column]) } / Double(rows.count))
                        }
                    }
                #expect(vector == expected, "\(text) \(pooling) \(batch)")
            }
        }
        // Only in a decoder, the hidden state of the first position does not depend on the text after it.
        let pair = try model.embed(["abc", "abd"], pooling: .first)
        #expect((pair[0] == pair[1]) == (family == "decoder"))
    }

    @Test func rejectsTextsThatCannotBeEmbedded() throws {
        let model = try SampleModel.opened("decoder")
        let long = "ab" + String(repeating: "x", count: 12)
        expectError(.usage, "text 2 of 2 has 14 tokens; the model's limit is 12") {
            _ = try model.embed(["a", long])
        }
        #expect(try model.embed([long], crop: true) == model.embed([String(repeating: "x", count: 12)]))
        expectError(.usage, "the text is empty") { _ = try model.embed([""]) }
        expectError(.usage, "batch: found -1") { _ = try model.embed(["a"], batch: -1) }
        #expect(try model.embed([]) == [])
    }
}
