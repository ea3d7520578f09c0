import Failures
import Files
import Tensors

extension ModelClass {
    /// Marian: the encoder-decoder of Vaswani et al., with sinusoidal positions whose first half are sines and second
    /// half cosines.
    ///
    /// - Source: Junczys-Dowmunt et al. 2018, arXiv:1804.00344.
    static let marian = ModelClass(
        name: "MarianMTModel", modelType: "marian", family: .encoderDecoder, prefix: "model.", generates: true,
        members: ConfigurationLink.encoderDecoder + [
            .count("decoder_vocab_size", \.vocabularySize, like: \.vocabularySize),
            .sameVocabularies,
            .flag("share_encoder_decoder_embeddings", \.configuration.shareEmbeddings, default: true),
            .flag("tie_word_embeddings", \.configuration.tieEmbeddings, default: true),
            .sharedIsTied,
            .absent("normalize_embedding", or: false),
            .only("model.positions", \.configuration.positions, .sinusoidalHalves),
        ],
        tensors: { model in
            let (encoder, decoder) = ("model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight")
            let embeddings =
                model.configuration.shareEmbeddings
                ? TensorLink.sharedEmbedding
                : [
                    .same("encoder.token_embedding.weight", encoder), .same("token_embedding.weight", decoder),
                    model.configuration.tieEmbeddings
                        ? .duplicate("lm_head.weight", of: decoder) : .same("head.weight", "lm_head.weight"),
                ]
            return embeddings + TensorLink.encoderDecoderBlocks(model) + [.finalBias("final_logits_bias", model)]
        },
        // Sinusoidal tables, which older versions of transformers saved.
        ignored: [NamePattern("model.*coder.embed_positions.weight")], finalBias: "final_logits_bias")
}

extension ConfigurationLink {
    /// The vocabularies of source and target must have the same size.
    fileprivate static let sameVocabularies = Self { (file, model) throws(Failure) in
        let size = try file.integer("vocab_size", in: 1...1 << 31, default: nil)
        guard model.vocabularySize == size else {
            throw file.unexpected("decoder_vocab_size", "\(size), the value of vocab_size")
        }
    }

    /// A token embedding shared by encoder and decoder must also be the output projection.
    fileprivate static let sharedIsTied = Self(objection: { model in
        let configuration = model.configuration
        return configuration.shareEmbeddings && !configuration.tieEmbeddings
            ? "model.tie_embeddings: found false; allowed: true if model.share_embeddings is true" : nil
    }) { (file, model) throws(Failure) in
        guard !model.configuration.shareEmbeddings || model.configuration.tieEmbeddings else {
            throw file.unexpected(
                "tie_word_embeddings", "true if share_encoder_decoder_embeddings is true")
        }
    }
}
