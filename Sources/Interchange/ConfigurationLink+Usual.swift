import Models

extension ConfigurationLink {
    /// The restrictions of options that few classes have. Each applies to the classes that do not mention its property.
    static let usual: [ConfigurationLink] = [
        .only("model.bias", \.configuration.bias, true),
        .only("model.scale_embeddings", \.configuration.scaleEmbeddings, false),
        .only("model.normalize_embeddings", \.configuration.normalizeEmbeddings, false),
        .only("model.head", \.configuration.head, .linear),
        .only("model.head_bias", \.configuration.headBias, false),
        .only("model.parallel_blocks", \.configuration.parallelBlocks, false),
        .only("model.query_key_normalization", \.configuration.queryKeyNormalization, false),
        .only("model.rotary_scaling", \.configuration.rotaryScaling, .none),
        .only("model.rotary_share", \.configuration.rotaryShare, 1) { "\($0)" },
        .only("model.attention_window", \.configuration.attentionWindow, 0) { "\($0)" },
        .only("model.scale_scores", \.configuration.scaleScores, true),
        .only("model.scale_head", \.configuration.scaleHead, false),
        .only("model.distillation_token", \.configuration.distillationToken, false),
        usually(\.keyHeads) { model in
            let (found, heads) = (model.configuration.keyHeads, model.configuration.heads)
            return found == heads ? nil : "model.kv_heads: found \(found); allowed: \(heads), the value of model.heads"
        },
        usually(\.headWidth) { model in
            let configuration = model.configuration
            return configuration.headDimension == 0
                || configuration.headWidth * configuration.heads == configuration.width
                ? nil
                : "model.head_width: found \(configuration.headWidth); allowed: 0 (model.width / model.heads)"
        },
        usually(\.targetHeads) { model in
            let configuration = model.configuration
            return configuration.targetHeads == configuration.heads
                ? nil : "model.decoder_heads: found \(configuration.targetHeads); allowed: \(configuration.heads)"
        },
        usually(\.targetHiddenWidth) { model in
            let (found, hidden) = (model.configuration.targetHiddenWidth, model.configuration.hiddenWidth)
            return found == hidden ? nil : "model.decoder_feed_forward_width: found \(found); allowed: \(hidden)"
        },
        usually(\.configuration.attentionBias) { model in
            let (biases, bias) = (model.configuration.attentionBiases, model.configuration.bias)
            return biases.inputs == bias && biases.output == bias
                ? nil : "model.attention_bias: found \(model.configuration.attentionBias.rawValue); allowed: same"
        },
        usually(\.configuration.feedForwardBias) { model in
            let configuration = model.configuration
            return configuration.feedForwardHasBias == configuration.bias
                ? nil : "model.feed_forward_bias: found \(configuration.feedForwardBias.rawValue); allowed: same"
        },
    ]

    /// A restriction of a property that has its default in every file.
    private static func usually<Value>(
        _ property: Property<Value>, _ objection: @escaping @Sendable (PortableModel) -> String?
    ) -> Self {
        Self(properties: [property], objection: objection) { _, _ in }
    }

    /// The usual restrictions of the properties that `links` do not mention.
    static func usual(without links: [ConfigurationLink]) -> [ConfigurationLink] {
        let mentioned = Set(links.flatMap(\.properties).map { $0 as PartialKeyPath<PortableModel> })
        return usual.filter { link in !link.properties.contains { mentioned.contains($0) } }
    }
}
