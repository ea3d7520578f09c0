import Datasets
import Models

/// What is said of a model beside its weights: all that `config.json` of another program's model tells.
package struct PortableModel: Sendable {
    /// Its shape; `vocabularySize` is not used.
    package var configuration: ModelConfiguration
    /// V; 0 for images.
    package var vocabularySize = 0
    /// The longest sequence, T; of images, what their patches make.
    package var contextLength = 0
    /// The size of its images; nil where it reads text.
    package var image: ImageSize?
    /// What a classifier predicts; nil where a model predicts tokens.
    package var labels: LabelDescription?
    /// The tokens that stand for no text.
    package var special = SpecialTokens.none

    /// A model that nothing is known of yet.
    init() {
        configuration = ModelConfiguration()
    }

    /// A model of `configuration` for data of `sizes`.
    package init(
        _ configuration: ModelConfiguration, _ sizes: ModelSizes, labels: LabelDescription?, special: SpecialTokens
    ) {
        self.configuration = configuration
        (vocabularySize, contextLength, image) = (sizes.vocabularySize, sizes.contextLength, sizes.image)
        (self.labels, self.special) = (labels, special)
    }

    /// What the model's data would decide about it.
    package var sizes: ModelSizes {
        let outputs = labels?.outputs ?? 0
        if let image { return ModelSizes(image: image, patchSize: configuration.patchSize, outputs: outputs) }
        return ModelSizes(vocabularySize: vocabularySize, contextLength: contextLength, outputs: outputs)
    }
}

extension PortableModel {
    /// The share that is dropped of the embeddings.
    var embeddingDropout: Double {
        get { configuration.embeddingDropout ?? configuration.dropout }
        set { configuration.embeddingDropout = newValue }
    }

    /// The share that is dropped of attention's probabilities.
    var attentionDropout: Double {
        get { configuration.attentionDropout ?? configuration.dropout }
        set { configuration.attentionDropout = newValue }
    }

    /// H_kv.
    var keyHeads: Int {
        get { configuration.keyHeads }
        set { configuration.kvHeads = newValue }
    }

    /// F.
    var hiddenWidth: Int {
        get { configuration.hiddenWidth }
        set { configuration.feedForwardWidth = newValue }
    }

    /// The blocks of an encoder-decoder's decoder.
    var targetLayers: Int {
        get { configuration.targetLayers }
        set { configuration.decoderLayers = newValue }
    }
}
