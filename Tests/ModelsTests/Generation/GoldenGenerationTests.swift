import Models
import Tensors
import Testing

/// Compares outputs with those of `transformers` for the same weights.
@Suite struct GoldenGenerationTests {
    @Test func matchesLlama() throws {
        var configuration = ModelConfiguration()
        (configuration.family, configuration.normalization, configuration.kvHeads) = (.decoder, .rms, 2)
        (configuration.positions, configuration.activation) = (.rotary, .swiglu)
        (configuration.bias, configuration.tieEmbeddings) = (false, false)
        try compare("generation_llama", configuration) { DecodingInput(text: $0) }
    }

    @Test func matchesMarian() throws {
        var configuration = ModelConfiguration()
        (configuration.family, configuration.placement) = (.encoderDecoder, .post)
        (configuration.positions, configuration.activation) = (.sinusoidalHalves, .relu)
        configuration.scaleEmbeddings = true
        try compare("generation_marian", configuration) { DecodingInput(source: $0, text: [0]) }
    }

    private func compare(
        _ name: String, _ configuration: ModelConfiguration, _ input: ([Int32]) -> DecodingInput
    ) throws {
        let golden = try GoldenFile(name)
        var configuration = configuration
        (configuration.layers, configuration.heads, configuration.width) = (2, 4, 16)
        configuration.feedForwardWidth = 24
        let model = Transformer<Float>(configuration, ModelSizes(vocabularySize: 13, contextLength: 24))
        let weights = Arena<Float>(count: model.layout.count)
        for parameter in model.layout.parameters {
            let values = try golden.numbers("weights/\(parameter.name)")
            #expect(values.count == parameter.count)
            for (place, value) in zip(parameter.range, values) { weights.base[place] = Float(value) }
        }
        #expect(golden.names(below: "weights/").count == model.layout.parameters.count)
        let cases = golden.names(below: "case.").filter { $0.hasSuffix("settings") }.count
        #expect(cases == 8)
        for number in 0..<cases {
            let numbers = try golden.numbers("case.\(number).settings")
            var settings = DecodingSettings()
            (settings.beams, settings.lengthPenalty) = (Int(numbers[0]), numbers[1])
            (settings.repetitionPenalty, settings.tokens) = (numbers[2], Int(numbers[3]))
            (settings.minimumTokens, settings.endTokens) = (Int(numbers[4]), [1])
            let count = golden.names(below: "case.\(number).input.").count
            #expect(count == 5)
            let inputs = try (0..<count).map { try golden.integers("case.\(number).input.\($0)").map(Int32.init) }
            let expected = try (0..<count).map {
                // Each output is preceded by a decoder start token.
                try golden.integers("case.\(number).output.\($0)").dropFirst().map(Int32.init)
            }
            let found = try Decoding(model, weights: weights, settings).run(inputs.map(input))
            #expect(found == expected, "case \(number): \(numbers)")
        }
    }
}
