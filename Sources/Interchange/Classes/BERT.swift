import Tensors

extension ConfigurationLink {
    /// The sizes of a Transformer encoder, which have the same names in BERT and ViT.
    ///
    /// - Parameter dropout: The default of both dropout probabilities.
    static func encoder(dropout: Double) -> [ConfigurationLink] {
        [
            .count("hidden_size", \.configuration.width, default: 768),
            .count("num_hidden_layers", \.configuration.layers, default: 12),
            .count("num_attention_heads", \.configuration.heads, default: 12),
            .count("intermediate_size", \.hiddenWidth, default: 3072),
            .activation("hidden_act", default: "gelu"),
            .number("layer_norm_eps", property: \.configuration.normalizationEpsilon, default: 1e-12),
            .number("hidden_dropout_prob", property: \.configuration.dropout, default: dropout),
            .number("attention_probs_dropout_prob", property: \.attentionDropout, default: dropout),
            .number("initializer_range", property: \.configuration.initializerStd, default: 0.02),
        ]
    }
}

extension ModelClass {
    /// BERT for masked language modelling.
    ///
    /// - Source: Devlin et al. 2019, arXiv:1810.04805.
    static let bertMaskedLM = ModelClass(
        name: "BertForMaskedLM", modelType: "bert", family: .encoder, prefix: "bert.",
        members: bertConfiguration + [
            .flag("tie_word_embeddings", \.configuration.tieEmbeddings, default: true),
            .only("model.head", \.configuration.head, .transform),
        ],
        tensors: { model in
            let (head, embedding) = ("cls.predictions", "bert.embeddings.word_embeddings.weight")
            return bertTensors("bert", model)
                + TensorLink.linear("head_transform", "\(head).transform.dense")
                + TensorLink.normalization("head_normalization", "\(head).transform.LayerNorm")
                + (model.configuration.tieEmbeddings
                    ? [
                        .same("head.bias", "\(head).bias"),
                        .duplicate("\(head).decoder.weight", of: embedding),
                        .duplicate("\(head).decoder.bias", of: "\(head).bias"),
                    ]
                    : TensorLink.linear("head", "\(head).decoder")
                        + [.unread("\(head).bias", of: "\(head).decoder.bias")])
        },
        // The head of BERT's second pretraining task is not part of this class.
        ignored: bertIgnored("bert") + ["bert.pooler.*", "cls.seq_relationship.*"].map(NamePattern.init),
        olderNames: bertOlderNames)

    /// BERT with a linear layer on the pooled first position.
    static let bertClassifier = ModelClass(
        name: "BertForSequenceClassification", modelType: "bert", family: .classifier, prefix: "bert.",
        members: bertConfiguration + [
            .labels(.class, .multi, .number), .only("model.pooling", \.configuration.pooling, .dense),
        ],
        tensors: { model in
            bertTensors("bert", model) + TensorLink.linear("pooler", "bert.pooler.dense")
                + TensorLink.linear("head", "classifier")
        },
        ignored: bertIgnored("bert"), olderNames: bertOlderNames)

    private static let bertConfiguration: [ConfigurationLink] =
        [
            .count("vocab_size", \.vocabularySize),
            .count("max_position_embeddings", \.contextLength, default: 512),
            .token("pad_token_id", \.special.pad),
        ] + bertEncoder

    /// The members of `config.json` that BERT and its descendants share.
    static let bertEncoder: [ConfigurationLink] =
        ConfigurationLink.encoder(dropout: 0.1) + [
            .count("type_vocab_size", \.tokenTypes, default: 2),
            .always("is_decoder", false), .always("add_cross_attention", false),
            .absent("position_embedding_type", or: "absolute"),
            .only("model.normalization", \.configuration.normalization, .layer),
            .only("model.placement", \.configuration.placement, .post),
            .only("model.positions", \.configuration.positions, .learned),
            .only("model.normalize_embeddings", \.configuration.normalizeEmbeddings, true),
        ]

    /// The tensors of an encoder with BERT's names.
    ///
    /// - Parameter skippedPositions: The number of rows of the position table before that of the first token.
    static func bertTensors(_ prefix: String, skippedPositions: Int = 0, _ model: PortableModel) -> [TensorLink] {
        let (width, embeddings) = (model.configuration.width, "\(prefix).embeddings")
        let blocks = (0..<model.configuration.layers).flatMap { index in
            let (ours, theirs) = ("blocks.\(index)", "\(prefix).encoder.layer.\(index)")
            return TensorLink.stacked(
                "\(ours).attention.query_key_value",
                ["query", "key", "value"].map { ("\(theirs).attention.self.\($0)", width) })
                + TensorLink.linear("\(ours).attention.projection", "\(theirs).attention.output.dense")
                + TensorLink.normalization("\(ours).attention_normalization", "\(theirs).attention.output.LayerNorm")
                + TensorLink.linear("\(ours).feed_forward.expansion", "\(theirs).intermediate.dense")
                + TensorLink.linear("\(ours).feed_forward.projection", "\(theirs).output.dense")
                + TensorLink.normalization("\(ours).feed_forward_normalization", "\(theirs).output.LayerNorm")
        }
        return [
            .same("token_embedding.weight", "\(embeddings).word_embeddings.weight"),
            .skipping(
                skippedPositions, "position_embedding.weight", "\(embeddings).position_embeddings.weight"),
            // A single segment has token type 0 throughout, so that embedding is added to the positions'.
            .added(
                "\(embeddings).token_type_embeddings.weight", [model.tokenTypes, width],
                to: "position_embedding.weight"),
        ] + TensorLink.normalization("embedding_normalization", "\(embeddings).LayerNorm") + blocks
    }

    /// The position indices, which older versions of transformers saved.
    static func bertIgnored(_ prefix: String) -> [NamePattern] { [NamePattern("\(prefix).embeddings.position_ids")] }

    private static let bertOlderNames = [
        (old: "LayerNorm.gamma", new: "LayerNorm.weight"), (old: "LayerNorm.beta", new: "LayerNorm.bias"),
    ]
}
