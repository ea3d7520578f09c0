import Tensors

extension ModelClass {
    /// BART: a post-norm encoder-decoder with learned positions and normalized embeddings.
    ///
    /// - Source: Lewis et al. 2020, arXiv:1910.13461.
    static let bart = ModelClass(
        name: "BartForConditionalGeneration", modelType: "bart", family: .encoderDecoder, prefix: "model.",
        generates: true,
        members: ConfigurationLink.encoderDecoder + [
            .always("tie_word_embeddings", true), .absent("normalize_embedding", or: true),
            .absent("add_final_layer_norm", or: false), .absent("static_position_embeddings", or: false),
            .only("model.tie_embeddings", \.configuration.tieEmbeddings, true),
            .only("model.share_embeddings", \.configuration.shareEmbeddings, true),
            .only("model.positions", \.configuration.positions, .learned),
            .only("model.normalize_embeddings", \.configuration.normalizeEmbeddings, true),
        ],
        tensors: { model in
            let stacks = [("encoder.", "model.encoder"), ("", "model.decoder")].flatMap { ours, theirs in
                [
                    // The first two rows of the table have no use.
                    .skipping(2, "\(ours)position_embedding.weight", "\(theirs).embed_positions.weight")
                ] + TensorLink.normalization("\(ours)embedding_normalization", "\(theirs).layernorm_embedding")
            }
            return TensorLink.sharedEmbedding + stacks + TensorLink.encoderDecoderBlocks(model)
                + [.finalBias("final_logits_bias", model)]
        }, finalBias: "final_logits_bias")
}
