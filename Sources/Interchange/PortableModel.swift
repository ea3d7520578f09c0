import Tensors
import Datasets
import Models
import Tokenizers

/// The description of a model without its weights: all that a foreign model's `config.json` contains.
package struct PortableModel: Sendable {
    /// The model's configuration; its `vocabularySize` is not used.
    package var configuration: ModelConfiguration
    /// V; 0 for images.
    package var vocabularySize = 0
    /// T, the longest sequence; for images, the number of patches and the class token.
    package var contextLength = 0
    /// The size of the images; nil for text models.
    package var image: ImageShape?
    /// The labels of a classifier; nil for models that predict tokens.
    package var labels: LabelDescription?
    /// The IDs of the special tokens.
    package var special = SpecialTokens.none
    /// The number of token types of a BERT-like encoder; dtrain's texts have one.
    var tokenTypes = 2

    /// A description with default values.
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

    /// The sizes that the model's data would have.
    package var sizes: ModelSizes {
        let outputs = labels?.outputs ?? 0
        if let image {
            return ModelSizes(
                image: image, patchSize: configuration.patchSize, tokens: configuration.imageTokens, outputs: outputs)
        }
        return ModelSizes(vocabularySize: vocabularySize, contextLength: contextLength, outputs: outputs)
    }
}

extension PortableModel {
    /// The dropout probability on embeddings.
    var embeddingDropout: Double {
        get { configuration.embeddingDropout ?? configuration.dropout }
        set { configuration.embeddingDropout = newValue }
    }

    /// The dropout probability on attention probabilities.
    var attentionDropout: Double {
        get { configuration.attentionDropout ?? configuration.dropout }
        set { configuration.attentionDropout = newValue }
    }

    /// The number of KV heads, H_kv.
    var keyHeads: Int {
        get { configuration.keyHeads }
        set { configuration.kvHeads = newValue }
    }

    /// The inner size of feed-forward layers, F.
    var hiddenWidth: Int {
        get { configuration.hiddenWidth }
        set { configuration.feedForwardWidth = newValue }
    }

    /// The number of decoder blocks of an encoder-decoder.
    var targetLayers: Int {
        get { configuration.targetLayers }
        set { configuration.decoderLayers = newValue }
    }

    /// The number of attention heads of an encoder-decoder's decoder.
    var targetHeads: Int {
        get { configuration.targetHeads }
        set { configuration.decoderHeads = newValue == configuration.heads ? 0 : newValue }
    }

    /// The inner size of feed-forward layers of an encoder-decoder's decoder.
    var targetHiddenWidth: Int {
        get { configuration.targetHiddenWidth }
        set { configuration.decoderFeedForwardWidth = newValue == hiddenWidth ? 0 : newValue }
    }

    /// The head dimension, D.
    var headWidth: Int {
        get { configuration.headWidth }
        set { configuration.headDimension = newValue * configuration.heads == configuration.width ? 0 : newValue }
    }
}
