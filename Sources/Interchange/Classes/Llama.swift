import Models
import Tensors

extension ModelClass {
    /// Llama: a decoder with rotary positions, SwiGLU and RMS normalization.
    ///
    /// - Source: Touvron et al. 2023, arXiv:2302.13971; Grattafiori et al. 2024, arXiv:2407.21783.
    static let llama = gatedDecoder(
        "LlamaForCausalLM", "llama",
        [
            .count("max_position_embeddings", \.contextLength, default: 2048),
            .attentionBias("attention_bias", default: false), .feedForwardBias("mlp_bias", default: false),
        ])

    /// A class that descends from Llama: its members of `config.json`, and the names of its tensors.
    ///
    /// - Parameters:
    ///   - keyHeads: The default number of KV heads; nil: that of the query heads.
    ///   - headWidth: The default head dimension; nil: C / H.
    ///   - normalization: The kind of RMS normalization.
    ///   - isTied: The default of `tie_word_embeddings`.
    ///   - differences: The context length, and all that distinguishes the class from the others.
    static func gatedDecoder(
        _ name: String, _ modelType: String, keyHeads: Int? = nil, headWidth: Int? = nil,
        normalization: ModelConfiguration.Normalization = .rms, isTied: Bool = false,
        _ differences: [ConfigurationLink]
    ) -> ModelClass {
        let usual: [ConfigurationLink] = [
            .only("model.bias", \.configuration.bias, false),
            .count("vocab_size", \.vocabularySize), .count("hidden_size", \.configuration.width, default: 4096),
            .count("num_hidden_layers", \.configuration.layers, default: 32),
            .count("num_attention_heads", \.configuration.heads, default: 32),
            keyHeads.map { .count("num_key_value_heads", \.keyHeads, default: $0) }
                ?? .count("num_key_value_heads", \.keyHeads, like: \.configuration.heads),
            headWidth.map { .count("head_dim", \.headWidth, default: $0) }
                ?? .count("head_dim", \.headWidth, like: \.headWidth),
            .count("intermediate_size", \.hiddenWidth, default: 11008),
            .number("rms_norm_eps", property: \.configuration.normalizationEpsilon, default: 1e-6),
            .number("attention_dropout", property: \.attentionDropout, default: 0),
            .number("initializer_range", property: \.configuration.initializerStd, default: 0.02),
            .flag("tie_word_embeddings", \.configuration.tieEmbeddings, default: isTied),
            .token("bos_token_id", \.special.bos), .token("eos_token_id", \.special.eos),
            .token("pad_token_id", \.special.pad),
            .only("model.normalization", \.configuration.normalization, normalization),
            .only("model.placement", \.configuration.placement, .pre),
            .only("model.positions", \.configuration.positions, .rotary),
        ]
        let activation: [ConfigurationLink] =
            differences.contains { $0.properties.contains { $0 == \PortableModel.configuration.activation } }
            ? [] : [.gatedActivation("hidden_act", default: "silu")]
        return ModelClass(
            name: name, modelType: modelType, family: .decoder, prefix: "model.", generates: true,
            members: usual + differences + activation + ConfigurationLink.rotary(context: "max_position_embeddings"),
            tensors: gatedDecoderTensors,
            // Rotary frequencies, which older versions of transformers saved.
            ignored: ["model.layers.*.self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq"]
                .map(NamePattern.init))
    }

    private static func gatedDecoderTensors(_ model: PortableModel) -> [TensorLink] {
        let configuration = model.configuration
        let (sizes, biases) = (configuration.blockSizes, configuration.attentionBiases)
        let (queryWidth, keyWidth) = (sizes.heads * sizes.headWidth, sizes.keyHeads * sizes.headWidth)
        let head =
            configuration.tieEmbeddings
            ? TensorLink.duplicate("lm_head.weight", of: "model.embed_tokens.weight")
            : .same("head.weight", "lm_head.weight")
        let blocks = (0..<configuration.layers).flatMap { index in
            let (ours, theirs) = ("blocks.\(index)", "model.layers.\(index)")
            let (attention, network) = ("\(theirs).self_attn", "\(theirs).mlp")
            let normalizations =
                configuration.queryKeyNormalization
                ? TensorLink.normalization("\(ours).attention.query_normalization", "\(attention).q_norm", shift: false)
                    + TensorLink.normalization(
                        "\(ours).attention.key_normalization", "\(attention).k_norm", shift: false)
                : []
            return TensorLink.normalization(
                "\(ours).attention_normalization", "\(theirs).input_layernorm", shift: false)
                + TensorLink.stacked(
                    "\(ours).attention.query_key_value",
                    [
                        ("\(attention).q_proj", queryWidth), ("\(attention).k_proj", keyWidth),
                        ("\(attention).v_proj", keyWidth),
                    ], bias: biases.inputs) + normalizations
                + TensorLink.linear("\(ours).attention.projection", "\(attention).o_proj", bias: biases.output)
                + TensorLink.normalization(
                    "\(ours).feed_forward_normalization", "\(theirs).post_attention_layernorm", shift: false)
                + TensorLink.stacked(
                    "\(ours).feed_forward.expansion",
                    [("\(network).gate_proj", sizes.hiddenWidth), ("\(network).up_proj", sizes.hiddenWidth)],
                    bias: configuration.feedForwardHasBias)
                + TensorLink.linear(
                    "\(ours).feed_forward.projection", "\(network).down_proj", bias: configuration.feedForwardHasBias)
        }
        return [.same("token_embedding.weight", "model.embed_tokens.weight")] + blocks
            + TensorLink.normalization("final_normalization", "model.norm", shift: false) + [head]
    }
}
