import Failures
import Tensors

extension ModelClass {
    /// Llama: a decoder with rotary positions, SwiGLU and RMS normalization, without biases.
    ///
    /// - Source: Touvron et al. 2023, arXiv:2302.13971.
    static let llama = ModelClass(
        name: "LlamaForCausalLM", modelType: "llama", family: .decoder, prefix: "model.", generates: true,
        configuration: [
            .count("vocab_size", \.vocabularySize),
            .count("max_position_embeddings", \.contextLength, default: 2048),
            .count("hidden_size", \.configuration.width, default: 4096),
            .count("num_hidden_layers", \.configuration.layers, default: 32),
            .count("num_attention_heads", \.configuration.heads, default: 32),
            .count("num_key_value_heads", \.keyHeads, like: \.configuration.heads),
            .count("intermediate_size", \.hiddenWidth, default: 11008),
            .headWidth("head_dim"),
            .choice(
                "hidden_act", "model.activation", \.configuration.activation, [("silu", .swiglu), ("swish", .swiglu)],
                default: "silu"),
            .number("rms_norm_eps", property: \.configuration.normalizationEpsilon, default: 1e-6),
            // Older versions of transformers use the second name.
            .number(
                "rope_parameters.rope_theta", "rope_theta", property: \.configuration.rotaryBase, default: 10_000),
            .always("rope_parameters.rope_type", "default"), .absent("rope_scaling.rope_type", or: "default"),
            .absent("rope_scaling.type", or: "default"), .absent("rope_parameters.partial_rotary_factor", or: 1.0),
            .number("attention_dropout", property: \.attentionDropout, default: 0),
            .number("initializer_range", property: \.configuration.initializerStd, default: 0.02),
            .flag("tie_word_embeddings", \.configuration.tieEmbeddings, default: false),
            .token("bos_token_id", \.special.bos), .token("eos_token_id", \.special.eos),
            .token("pad_token_id", \.special.pad),
            .always("attention_bias", false), .always("mlp_bias", false),
            .only("model.normalization", \.configuration.normalization, .rms),
            .only("model.placement", \.configuration.placement, .pre),
            .only("model.positions", \.configuration.positions, .rotary),
            .only("model.bias", \.configuration.bias, false),
            .only("model.head", \.configuration.head, .linear),
            .only("model.scale_embeddings", \.configuration.scaleEmbeddings, false),
            .only("model.normalize_embeddings", \.configuration.normalizeEmbeddings, false),
        ],
        tensors: { model in
            let configuration = model.configuration
            let (width, hidden) = (configuration.width, configuration.hiddenWidth)
            let keyWidth = configuration.keyHeads * configuration.headWidth
            let head =
                configuration.tieEmbeddings
                ? TensorLink.duplicate("lm_head.weight", of: "model.embed_tokens.weight")
                : .same("head.weight", "lm_head.weight")
            let blocks = (0..<configuration.layers).flatMap { index in
                let (ours, theirs) = ("blocks.\(index)", "model.layers.\(index)")
                return TensorLink.normalization(
                    "\(ours).attention_normalization", "\(theirs).input_layernorm", shift: false)
                    + TensorLink.stacked(
                        "\(ours).attention.query_key_value",
                        [
                            ("\(theirs).self_attn.q_proj", width), ("\(theirs).self_attn.k_proj", keyWidth),
                            ("\(theirs).self_attn.v_proj", keyWidth),
                        ], bias: false)
                    + TensorLink.linear(
                        "\(ours).attention.projection", "\(theirs).self_attn.o_proj", bias: false)
                    + TensorLink.normalization(
                        "\(ours).feed_forward_normalization", "\(theirs).post_attention_layernorm", shift: false)
                    + TensorLink.stacked(
                        "\(ours).feed_forward.expansion",
                        [("\(theirs).mlp.gate_proj", hidden), ("\(theirs).mlp.up_proj", hidden)], bias: false)
                    + TensorLink.linear("\(ours).feed_forward.projection", "\(theirs).mlp.down_proj", bias: false)
            }
            return [.same("token_embedding.weight", "model.embed_tokens.weight")] + blocks
                + TensorLink.normalization("final_normalization", "model.norm", shift: false) + [head]
        },
        // Rotary frequencies, which older versions of transformers saved.
        ignored: ["model.layers.*.self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq"].map(NamePattern.init))
}

extension ConfigurationLink {
    /// The head dimension, which must be C / H.
    fileprivate static func headWidth(_ name: String) -> Self {
        Self(write: { [.init(name, .integer($0.configuration.headWidth))] }) { (file, model) throws(Failure) in
            let configuration = model.configuration
            let width = configuration.width / configuration.heads
            guard try file.integer(name, in: 1...1 << 31, default: width) == width,
                configuration.width % configuration.heads == 0
            else { throw file.unexpected(name, "hidden_size / num_attention_heads, without a remainder") }
        }
    }
}
