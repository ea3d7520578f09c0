import Models
import Tensors
import TestSupport
import Testing

@Suite struct ModelLayoutTests {
    private func layout(
        _ family: ModelConfiguration.Family, _ sizes: ModelSizes, _ change: (inout ModelConfiguration) -> Void
    ) -> ParameterLayout {
        var configuration = ModelConfiguration()
        configuration.family = family
        change(&configuration)
        return Transformer<Float>(configuration, sizes).layout
    }

    /// The published parameter counts of GPT-2 small, BERT-base with its masked language modelling head, Llama 2 7B,
    /// Vaswani et al.'s base model with a shared vocabulary of 37,000, and ViT-B/16.
    @Test func parameterCountsMatchPublishedModels() {
        let gpt = layout(.decoder, ModelSizes(vocabularySize: 50257, contextLength: 1024)) {
            ($0.layers, $0.heads, $0.width) = (12, 12, 768)
        }
        #expect(gpt.parameterCount == 124_439_808)
        // Embeddings, two sections per block, and the final normalization.
        #expect(gpt.sections.count == 26)
        // 109,514,298 without the token type embeddings, 2 · 768.
        let bert = layout(.encoder, ModelSizes(vocabularySize: 30522, contextLength: 512)) {
            ($0.layers, $0.heads, $0.width) = (12, 12, 768)
            ($0.placement, $0.normalizeEmbeddings, $0.head) = (.post, true, .transform)
        }
        #expect(bert.parameterCount == 109_514_298 - 2 * 768)
        let llama = layout(.decoder, ModelSizes(vocabularySize: 32000, contextLength: 16)) {
            ($0.layers, $0.heads, $0.width, $0.feedForwardWidth) = (32, 32, 4096, 11008)
            ($0.normalization, $0.positions, $0.activation) = (.rms, .rotary, .swiglu)
            ($0.bias, $0.tieEmbeddings) = (false, false)
        }
        #expect(llama.parameterCount == 6_738_415_616)
        let vit = layout(
            .imageClassifier,
            ModelSizes(image: ImageShape(height: 224, width: 224, channels: 3), patchSize: 16, outputs: 1000)
        ) { ($0.layers, $0.heads, $0.width, $0.patchSize) = (12, 12, 768, 16) }
        #expect(vit.parameterCount == 86_567_656)
    }

    @Test(arguments: ModelVariant.all)
    func weightDecayAppliesToMatricesOnly(variant: ModelVariant) {
        for parameter in variant.model(Float.self).layout.parameters {
            #expect(parameter.decays == (parameter.shape.count == 2), "\(parameter.name)")
        }
    }

    /// Residual output projections have initial weights scaled by 1/√(branches): two branches per block, three with
    /// cross-attention.
    @Test func residualProjectionsAreScaled() {
        let model = layout(.encoderDecoder, ModelSizes(vocabularySize: 7, contextLength: 6)) {
            ($0.layers, $0.decoderLayers, $0.initializerStd) = (2, 3, 0.06)
            ($0.tieEmbeddings, $0.positions) = (false, .sinusoidal)
        }
        for parameter in model.parameters where parameter.decays {
            let isOuter = parameter.name.hasSuffix("projection.weight")
            let expected = !isOuter ? 0.06 : parameter.name.hasPrefix("encoder.") ? 0.03 : 0.02
            guard case .normal(let deviation) = parameter.initializer else {
                Issue.record("\(parameter.name)")
                continue
            }
            expectClose(deviation, expected, relative: 1e-12, parameter.name)
        }
    }

    @Test func residualScalingCanBeDisabled() {
        let model = layout(.decoder, ModelSizes(vocabularySize: 7, contextLength: 6)) { $0.scaleResidual = false }
        for parameter in model.parameters where parameter.decays {
            #expect(parameter.initializer == .normal(standardDeviation: 0.02), "\(parameter.name)")
        }
    }

    private static let untied = ModelVariant(.decoder, "untied") { $0.configuration.tieEmbeddings = false }

    @Test func tiedHeadsShareTheEmbedding() {
        let tied = ModelVariant(.decoder, "tied") { _ in }.model(Float.self)
        func offset(_ model: Transformer<Float>, _ name: String) -> Int? {
            model.layout.parameters.first { $0.name == name }?.offset
        }
        #expect(tied.head.output.weight == offset(tied, "token_embedding.weight"))
        #expect(offset(tied, "head.weight") == nil)
        let untied = ModelLayoutTests.untied.model(Float.self)
        #expect(untied.head.output.weight == offset(untied, "head.weight"))
    }
}
