import Failures
import Files
import Models
import Tensors

extension ModelClass {
    /// T5: a pre-norm encoder-decoder with relative positions, RMS normalization and unscaled scores. Version 1.1 has a
    /// gated feed-forward network and an output projection of its own.
    ///
    /// - Source: Raffel et al. 2020, arXiv:1910.10683; Shazeer 2020, arXiv:2002.05202.
    static let t5 = t5("T5ForConditionalGeneration", "t5", head: .scaledHead)

    /// mT5: T5 1.1, which never scales the hidden states before the output projection.
    ///
    /// - Source: Xue et al. 2021, arXiv:2010.11934.
    static let mt5 = t5("MT5ForConditionalGeneration", "mt5", head: .plainHead)

    private static func t5(_ name: String, _ modelType: String, head: ConfigurationLink) -> ModelClass {
        ModelClass(
            name: name, modelType: modelType, family: .encoderDecoder, prefix: "", generates: true,
            members: [
                .only("model.bias", \.configuration.bias, false),
                .count("vocab_size", \.vocabularySize), .count("n_positions", \.contextLength, default: 512),
                .count("d_model", \.configuration.width, default: 512),
                .count("num_layers", \.configuration.layers, default: 6),
                .count("num_decoder_layers", \.targetLayers, like: \.configuration.layers),
                .count("num_heads", \.configuration.heads, default: 8),
                .count("d_kv", \.headWidth, default: 64), .count("d_ff", \.hiddenWidth, default: 2048),
                .count("relative_attention_num_buckets", \.configuration.relativeBuckets, default: 32),
                .count("relative_attention_max_distance", \.configuration.relativeDistance, default: 128),
                .number("layer_norm_epsilon", property: \.configuration.normalizationEpsilon, default: 1e-6),
                .number("dropout_rate", property: \.configuration.dropout, default: 0.1),
                .choice(
                    "feed_forward_proj", "model.activation", \.configuration.activation,
                    [
                        ("relu", .relu), ("gated-gelu", .geglu), ("gated-gelu_new", .geglu), ("gelu_new", .gelu),
                        ("gelu", .geluExact), ("gated-silu", .swiglu), ("silu", .silu),
                    ], default: "relu"),
                head, .free(\.configuration.tieEmbeddings),
                .token("pad_token_id", \.special.pad), .token("eos_token_id", \.special.eos),
                .token("decoder_start_token_id", \.special.bos), .always("is_encoder_decoder", true),
                .only("model.share_embeddings", \.configuration.shareEmbeddings, true),
                .only("model.normalization", \.configuration.normalization, .rms),
                .only("model.placement", \.configuration.placement, .pre),
                .only("model.positions", \.configuration.positions, .relative),
                .only("model.scale_scores", \.configuration.scaleScores, false),
            ],
            tensors: { model in
                let configuration = model.configuration
                let embedding = TensorLink.same("encoder.token_embedding.weight", "shared.weight")
                let copies =
                    (["encoder", "decoder"].map { "\($0).embed_tokens.weight" }
                    + (configuration.tieEmbeddings ? ["lm_head.weight"] : []))
                    .map { TensorLink.duplicate($0, of: "shared.weight") }
                let head: [TensorLink] = configuration.tieEmbeddings ? [] : [.same("head.weight", "lm_head.weight")]
                return [embedding] + copies + head
                    + t5Stack("encoder.", "encoder", layers: configuration.layers, seesMemory: false, configuration)
                    + t5Stack("", "decoder", layers: configuration.targetLayers, seesMemory: true, configuration)
            },
            // A bias of cross-attention, which the first versions saved and never used.
            ignored: [NamePattern("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight")],
            untiedHead: "lm_head.weight")
    }

    private static func t5Stack(
        _ ours: String, _ theirs: String, layers: Int, seesMemory: Bool, _ configuration: ModelConfiguration
    ) -> [TensorLink] {
        let sizes = configuration.blockSizes
        let heads = sizes.heads * sizes.headWidth
        func norm(_ name: String, _ layer: String) -> [TensorLink] {
            TensorLink.normalization(name, "\(layer).layer_norm", shift: false)
        }
        let blocks = (0..<layers).flatMap { index -> [TensorLink] in
            let (ours, theirs) = ("\(ours)blocks.\(index)", "\(theirs).block.\(index).layer")
            let own = "\(theirs).0.SelfAttention", other = "\(theirs).1.EncDecAttention"
            let cross =
                seesMemory
                ? TensorLink.linear("\(ours).cross_attention.query", "\(other).q", bias: false)
                    + TensorLink.stacked(
                        "\(ours).cross_attention.key_value", [("\(other).k", heads), ("\(other).v", heads)], bias: false
                    )
                    + TensorLink.linear("\(ours).cross_attention.projection", "\(other).o", bias: false)
                    + norm("\(ours).cross_attention_normalization", "\(theirs).1") : []
            let network = "\(theirs).\(seesMemory ? 2 : 1)"
            let expansion =
                configuration.hasGate
                ? TensorLink.stacked(
                    "\(ours).feed_forward.expansion",
                    ["wi_0", "wi_1"].map { ("\(network).DenseReluDense.\($0)", sizes.hiddenWidth) }, bias: false)
                : TensorLink.linear("\(ours).feed_forward.expansion", "\(network).DenseReluDense.wi", bias: false)
            return TensorLink.stacked(
                "\(ours).attention.query_key_value", ["q", "k", "v"].map { ("\(own).\($0)", heads) }, bias: false)
                + TensorLink.linear("\(ours).attention.projection", "\(own).o", bias: false)
                + norm("\(ours).attention_normalization", "\(theirs).0") + cross + expansion
                + TensorLink.linear("\(ours).feed_forward.projection", "\(network).DenseReluDense.wo", bias: false)
                + norm("\(ours).feed_forward_normalization", network)
        }
        return [
            .same(
                "\(ours)relative_bias.weight",
                "\(theirs).block.0.layer.0.SelfAttention.relative_attention_bias.weight")
        ] + blocks
            + TensorLink.normalization("\(ours)final_normalization", "\(theirs).final_layer_norm", shift: false)
    }
}

extension ConfigurationLink {
    /// Hidden states that are not scaled before the output projection.
    fileprivate static let plainHead = Self(
        properties: [\.configuration.scaleHead],
        objection: { $0.configuration.scaleHead ? "model.scale_head: found true; allowed: false" : nil },
        write: { [JSON.Member("tie_word_embeddings", .boolean($0.configuration.tieEmbeddings))] }
    ) { (_, model) throws(Failure) in model.configuration.scaleHead = false }

    /// Whether the hidden states are scaled before the output projection. Files from before `scale_decoder_outputs` say
    /// so by tying the projection to the token embedding.
    fileprivate static let scaledHead = Self(
        properties: [\.configuration.scaleHead],
        objection: { model in
            model.configuration.scaleHead && !model.configuration.tieEmbeddings
                ? "model.scale_head: found true; allowed: false if model.tie_embeddings is false" : nil
        },
        write: { model in
            [
                JSON.Member("tie_word_embeddings", .boolean(model.configuration.tieEmbeddings)),
                JSON.Member("scale_decoder_outputs", .boolean(model.configuration.scaleHead)),
            ]
        }
    ) { (file, model) throws(Failure) in
        model.configuration.scaleHead = try file.flag(
            "scale_decoder_outputs", default: file.flag("tie_word_embeddings", default: true))
    }
}
