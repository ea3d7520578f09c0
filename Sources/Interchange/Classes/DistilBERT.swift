import Tensors

extension ModelClass {
    /// DistilBERT for masked language modelling: BERT without token types and pooler.
    ///
    /// - Source: Sanh et al. 2019, arXiv:1910.01108.
    static let distilBERTMaskedLM = ModelClass(
        name: "DistilBertForMaskedLM", modelType: "distilbert", family: .encoder, prefix: "distilbert.",
        members: distilBERTConfiguration + [
            .flag("tie_word_embeddings", \.configuration.tieEmbeddings, default: true),
            .only("model.head", \.configuration.head, .transform),
        ],
        tensors: { model in
            distilBERTTensors(model) + TensorLink.linear("head_transform", "vocab_transform")
                + TensorLink.normalization("head_normalization", "vocab_layer_norm")
                + (model.configuration.tieEmbeddings
                    ? [
                        .same("head.bias", "vocab_projector.bias"),
                        .duplicate("vocab_projector.weight", of: "distilbert.embeddings.word_embeddings.weight"),
                    ] : TensorLink.linear("head", "vocab_projector"))
        }, ignored: bertIgnored("distilbert"))

    /// DistilBERT with two linear layers on the first position.
    static let distilBERTClassifier = ModelClass(
        name: "DistilBertForSequenceClassification", modelType: "distilbert", family: .classifier,
        prefix: "distilbert.",
        members: distilBERTConfiguration + [
            .labels(.class, .multi, .number), .only("model.pooling", \.configuration.pooling, .denseReLU),
        ],
        tensors: { model in
            distilBERTTensors(model) + TensorLink.linear("pooler", "pre_classifier")
                + TensorLink.linear("head", "classifier")
        }, ignored: bertIgnored("distilbert"))

    private static let distilBERTConfiguration: [ConfigurationLink] = [
        .count("vocab_size", \.vocabularySize), .count("max_position_embeddings", \.contextLength, default: 512),
        .count("dim", \.configuration.width, default: 768), .count("n_layers", \.configuration.layers, default: 6),
        .count("n_heads", \.configuration.heads, default: 12), .count("hidden_dim", \.hiddenWidth, default: 3072),
        .activation("activation", default: "gelu"),
        .number("dropout", property: \.configuration.dropout, default: 0.1),
        .number("attention_dropout", property: \.attentionDropout, default: 0.1),
        .number("initializer_range", property: \.configuration.initializerStd, default: 0.02),
        .token("pad_token_id", \.special.pad), .always("sinusoidal_pos_embds", false),
        .only("model.normalization", \.configuration.normalization, .layer),
        // DistilBertConfig has no such member.
        .only("model.normalization_epsilon", \.configuration.normalizationEpsilon, 1e-12) { "\($0)" },
        .only("model.placement", \.configuration.placement, .post),
        .only("model.positions", \.configuration.positions, .learned),
        .only("model.normalize_embeddings", \.configuration.normalizeEmbeddings, true),
    ]

    private static func distilBERTTensors(_ model: PortableModel) -> [TensorLink] {
        let (width, embeddings) = (model.configuration.width, "distilbert.embeddings")
        let blocks = (0..<model.configuration.layers).flatMap { index in
            let (ours, theirs) = ("blocks.\(index)", "distilbert.transformer.layer.\(index)")
            return TensorLink.stacked(
                "\(ours).attention.query_key_value", ["q", "k", "v"].map { ("\(theirs).attention.\($0)_lin", width) })
                + TensorLink.linear("\(ours).attention.projection", "\(theirs).attention.out_lin")
                + TensorLink.normalization("\(ours).attention_normalization", "\(theirs).sa_layer_norm")
                + TensorLink.linear("\(ours).feed_forward.expansion", "\(theirs).ffn.lin1")
                + TensorLink.linear("\(ours).feed_forward.projection", "\(theirs).ffn.lin2")
                + TensorLink.normalization("\(ours).feed_forward_normalization", "\(theirs).output_layer_norm")
        }
        return [
            .same("token_embedding.weight", "\(embeddings).word_embeddings.weight"),
            .same("position_embedding.weight", "\(embeddings).position_embeddings.weight"),
        ] + TensorLink.normalization("embedding_normalization", "\(embeddings).LayerNorm") + blocks
    }
}
