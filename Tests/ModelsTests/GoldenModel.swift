import Kernels
import Models
import Numbers
import Objectives
import Tensors
import TestSupport
import Testing

/// A model whose golden values are stored in a file.
struct GoldenModel: Sendable, CustomTestStringConvertible {
    /// The name of the file.
    let name: String
    var configuration = ModelConfiguration()
    var sizes = ModelSizes(vocabularySize: 37, contextLength: 8)
    var loss = Loss.crossEntropy(smoothing: 0)
    /// Whether the file has golden values for ten training steps.
    var trains = true

    static let all = [
        GoldenModel("decoder") { _ in },
        GoldenModel("decoder_untied_exact") {
            ($0.configuration.tieEmbeddings, $0.configuration.bias) = (false, false)
            ($0.configuration.activation, $0.trains) = (.geluExact, false)
        },
        family("decoder_llama", .decoder) {
            ($0.configuration.normalization, $0.configuration.normalizationEpsilon) = (.rms, 1e-6)
            ($0.configuration.positions, $0.configuration.activation, $0.configuration.kvHeads) = (.rotary, .swiglu, 2)
            ($0.configuration.bias, $0.configuration.tieEmbeddings) = (false, false)
        },
        family("decoder_sandwich", .decoder) {
            ($0.configuration.placement, $0.configuration.positions) = (.sandwich, .alibi)
            ($0.configuration.heads, $0.configuration.kvHeads, $0.configuration.activation) = (8, 1, .silu)
        },
        family("encoder", .encoder) {
            makeBERT(&$0.configuration)
            $0.configuration.head = .transform
        },
        family("encoder_decoder", .encoderDecoder) {
            ($0.configuration.placement, $0.configuration.positions) = (.post, .sinusoidal)
            ($0.configuration.activation, $0.configuration.scaleEmbeddings) = (.relu, true)
            $0.loss = .crossEntropy(smoothing: 0.1)
        },
        family("prefix_decoder", .prefixDecoder) { _ in },
        family("classifier", .classifier) {
            makeBERT(&$0.configuration)
            ($0.configuration.pooling, $0.loss, $0.sizes.outputs) = (.dense, .binaryCrossEntropy, 5)
        },
        family("image_classifier", .imageClassifier) {
            ($0.configuration.activation, $0.configuration.normalizationEpsilon) = (.geluExact, 1e-12)
            $0.configuration.patchSize = 2
            $0.sizes = ModelSizes(image: ImageShape(height: 4, width: 6, channels: 3), patchSize: 2, outputs: 5)
        },
    ]

    var testDescription: String { name }

    private init(_ name: String, _ change: (inout GoldenModel) -> Void) {
        self.name = name
        (configuration.layers, configuration.heads, configuration.width) = (2, 2, 16)
        change(&self)
    }

    private static func family(
        _ name: String, _ family: ModelConfiguration.Family, _ change: (inout GoldenModel) -> Void
    ) -> GoldenModel {
        GoldenModel(name) {
            ($0.configuration.family, $0.configuration.heads, $0.configuration.feedForwardWidth) = (family, 4, 24)
            change(&$0)
        }
    }

    private static func makeBERT(_ configuration: inout ModelConfiguration) {
        (configuration.placement, configuration.normalizeEmbeddings) = (.post, true)
        (configuration.activation, configuration.normalizationEpsilon) = (.geluExact, 1e-12)
    }

    func model<Element: Storage>(_: Element.Type) -> Transformer<Element> { Transformer(configuration, sizes) }

    /// The weights in the file, arranged by the layout; names and shapes must be identical.
    func weights<Element: Storage>(_ file: GoldenFile, _ layout: ParameterLayout, _: Element.Type) throws
        -> Arena<Element>
    {
        #expect(file.names(below: "parameters/").sorted() == layout.parameters.map(\.name).sorted())
        let weights = Arena<Element>(count: layout.count)
        for parameter in layout.parameters {
            #expect(try file.shape("parameters/\(parameter.name)") == parameter.shape)
            let values = try file.numbers("parameters/\(parameter.name)")
            for (index, value) in zip(parameter.range, values) { weights.base[index] = Element(value) }
        }
        return weights
    }

    /// The batch for the gradients, or for training step `step`, from 0.
    func batch(_ file: GoldenFile, step: Int? = nil) throws -> ModelBatch {
        func part<Number>(_ name: String, _ read: (String) throws -> [Number]) throws -> [Number]? {
            let name = step == nil ? name : "step_\(name)"
            guard file.names(below: name).contains("") else { return nil }
            let all = try read(name)
            guard let step else { return all }
            let count = all.count / (try file.shape(name)[0])
            return Array(all[step * count..<(step + 1) * count])
        }
        func integers(_ name: String) throws -> [Int]? { try part(name, file.integers) }
        var batch = ModelBatch()
        batch.input.tokens = try integers("inputs") ?? []
        batch.input.patches = try part("patches", file.numbers) ?? []
        (batch.input.lengths, batch.input.prefixLengths) = (try integers("lengths"), try integers("prefixes"))
        (batch.input.positionIDs, batch.input.spanPositionIDs) = (try integers("places"), try integers("span_places"))
        batch.input.documentStarts = try integers("first_keys")
        batch.input.sourceTokens = try integers("source") ?? []
        batch.input.sourceLengths = try integers("source_lengths") ?? []
        batch.targets = try integers("targets") ?? []
        batch.values = try part("values", file.numbers)
        batch.input.positions = sizes.contextLength
        batch.input.sequences =
            sizes.image.map { image in
                let patchSize = configuration.patchSize
                return batch.input.patches.count / (image.patchCount(patchSize) * image.patchWidth(patchSize))
            } ?? batch.input.tokens.count / sizes.contextLength
        return batch
    }
}
