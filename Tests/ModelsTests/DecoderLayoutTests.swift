import Models
import Tensors
import TestSupport
import Testing

@Suite struct DecoderLayoutTests {
    /// The sizes that Radford et al. 2019 and nanoGPT state for GPT-2's smallest model, in numbers.
    @Test func countsGPT2() {
        var configuration = ModelConfiguration()
        (configuration.layers, configuration.heads, configuration.width) = (12, 12, 768)
        let decoder = Decoder<Float>(configuration, vocabularySize: 50257, contextLength: 1024)
        #expect(decoder.layout.parameterCount == 124_439_808)
        #expect(decoder.layout.sections.count == 14)
    }

    @Test func onlyMatricesDecay() {
        for parameter in DecoderVariant(tied: false).decoder(Float.self).layout.parameters {
            #expect(parameter.decays == (parameter.shape.count == 2), "\(parameter.name)")
        }
    }

    /// What writes to the residual stream starts 1/√(2L) as wide.
    @Test func residualProjectionsStartNarrow() {
        for parameter in DecoderVariant(tied: false).decoder(Float.self).layout.parameters where parameter.decays {
            let expected = parameter.name.hasSuffix("projection.weight") ? 0.01 : 0.02
            #expect(parameter.initializer == .normal(standardDeviation: expected), "\(parameter.name)")
        }
    }

    @Test func tiedHeadsHaveNoParameter() {
        let tied = DecoderVariant().decoder(Float.self)
        #expect(tied.head.weight == tied.layout.parameters.first { $0.name == "token_embedding.weight" }?.offset)
        #expect(!tied.layout.parameters.contains { $0.name == "head.weight" })
        let untied = DecoderVariant(tied: false).decoder(Float.self)
        #expect(untied.head.weight == untied.layout.parameters.first { $0.name == "head.weight" }?.offset)
    }
}
