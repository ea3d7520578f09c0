import Tensors

extension ModelClass {
    /// Starcoder2: a decoder with rotary positions, fewer KV heads and a sliding window, and GPT-2's normalization,
    /// network and biases.
    ///
    /// - Source: Lozhkov et al. 2024, arXiv:2402.19173.
    static let starcoder2 = ModelClass(
        name: "Starcoder2ForCausalLM", modelType: "starcoder2", family: .decoder, prefix: "model.", generates: true,
        members: [
            .count("vocab_size", \.vocabularySize),
            .count("max_position_embeddings", \.contextLength, default: 4096),
            .count("hidden_size", \.configuration.width, default: 3072),
            .count("num_hidden_layers", \.configuration.layers, default: 30),
            .count("num_attention_heads", \.configuration.heads, default: 24),
            .count("num_key_value_heads", \.keyHeads, default: 2),
            .count("intermediate_size", \.hiddenWidth, default: 12288),
            .activation("hidden_act", default: "gelu_pytorch_tanh"),
            .number("norm_epsilon", property: \.configuration.normalizationEpsilon, default: 1e-5),
            .number("residual_dropout", "embedding_dropout", property: \.configuration.dropout, default: 0),
            .number("attention_dropout", property: \.attentionDropout, default: 0),
            .number("initializer_range", property: \.configuration.initializerStd, default: 0.018042),
            .flag("tie_word_embeddings", \.configuration.tieEmbeddings, default: true),
            .always("use_bias", true), .window("sliding_window", default: 4096),
            .token("bos_token_id", \.special.bos), .token("eos_token_id", \.special.eos),
            .token("pad_token_id", \.special.pad),
            .only("model.normalization", \.configuration.normalization, .layer),
            .only("model.placement", \.configuration.placement, .pre),
            .only("model.positions", \.configuration.positions, .rotary),
        ] + ConfigurationLink.rotary(context: "max_position_embeddings"),
        tensors: { model in
            let sizes = model.configuration.blockSizes
            let keyWidth = sizes.keyHeads * sizes.headWidth
            let head =
                model.configuration.tieEmbeddings
                ? TensorLink.duplicate("lm_head.weight", of: "model.embed_tokens.weight")
                : .same("head.weight", "lm_head.weight")
            let blocks = (0..<model.configuration.layers).flatMap { index in
                let (ours, theirs) = ("blocks.\(index)", "model.layers.\(index)")
                return TensorLink.normalization("\(ours).attention_normalization", "\(theirs).input_layernorm")
                    + TensorLink.stacked(
                        "\(ours).attention.query_key_value",
                        [
                            ("\(theirs).self_attn.q_proj", sizes.heads * sizes.headWidth),
                            ("\(theirs).self_attn.k_proj", keyWidth), ("\(theirs).self_attn.v_proj", keyWidth),
                        ])
                    + TensorLink.linear("\(ours).attention.projection", "\(theirs).self_attn.o_proj")
                    + TensorLink.normalization(
                        "\(ours).feed_forward_normalization", "\(theirs).post_attention_layernorm")
                    + TensorLink.linear("\(ours).feed_forward.expansion", "\(theirs).mlp.c_fc")
                    + TensorLink.linear("\(ours).feed_forward.projection", "\(theirs).mlp.c_proj")
            }
            return [.same("token_embedding.weight", "model.embed_tokens.weight")] + blocks
                + TensorLink.normalization("final_normalization", "model.norm") + [head]
        })
}
