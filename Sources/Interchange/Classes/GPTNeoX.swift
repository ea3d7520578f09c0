import Tensors

extension ModelClass {
    /// GPT-NeoX (Pythia): a decoder whose blocks are parallel and whose heads are rotated in part.
    ///
    /// - Source: Black et al. 2022, arXiv:2204.06745.
    static let gptNeoX = ModelClass(
        name: "GPTNeoXForCausalLM", modelType: "gpt_neox", family: .decoder, prefix: "gpt_neox.", generates: true,
        members: [
            .count("vocab_size", \.vocabularySize),
            .count("max_position_embeddings", \.contextLength, default: 2048),
            .count("hidden_size", \.configuration.width, default: 6144),
            .count("num_hidden_layers", \.configuration.layers, default: 44),
            .count("num_attention_heads", \.configuration.heads, default: 64),
            .count("intermediate_size", \.hiddenWidth, default: 24576),
            .activation("hidden_act", default: "gelu"),
            .number("layer_norm_eps", property: \.configuration.normalizationEpsilon, default: 1e-5),
            .number("hidden_dropout", property: \.configuration.dropout, default: 0),
            .number("attention_dropout", property: \.attentionDropout, default: 0),
            .number("initializer_range", property: \.configuration.initializerStd, default: 0.02),
            .flag("tie_word_embeddings", \.configuration.tieEmbeddings, default: false),
            .flag("use_parallel_residual", \.configuration.parallelBlocks, default: true),
            .attentionBias("attention_bias", default: true),
            .token("bos_token_id", \.special.bos), .token("eos_token_id", \.special.eos),
            .token("pad_token_id", \.special.pad),
            .only("model.normalization", \.configuration.normalization, .layer),
            .only("model.placement", \.configuration.placement, .pre),
            .only("model.positions", \.configuration.positions, .rotary),
        ]
            + ConfigurationLink.rotary(
                context: "max_position_embeddings", older: ("rotary_emb_base", "rotary_pct"), share: 0.25),
        tensors: { model in
            let configuration = model.configuration
            let biases = configuration.attentionBiases
            let head =
                configuration.tieEmbeddings
                ? TensorLink.duplicate("embed_out.weight", of: "gpt_neox.embed_in.weight")
                : .same("head.weight", "embed_out.weight")
            let blocks = (0..<configuration.layers).flatMap { index in
                let (ours, theirs) = ("blocks.\(index)", "gpt_neox.layers.\(index)")
                return TensorLink.normalization("\(ours).attention_normalization", "\(theirs).input_layernorm")
                    + TensorLink.interleaved(
                        "\(ours).attention.query_key_value", "\(theirs).attention.query_key_value",
                        heads: configuration.heads, bias: biases.inputs)
                    + TensorLink.linear(
                        "\(ours).attention.projection", "\(theirs).attention.dense", bias: biases.output)
                    + TensorLink.normalization(
                        "\(ours).feed_forward_normalization", "\(theirs).post_attention_layernorm")
                    + TensorLink.linear("\(ours).feed_forward.expansion", "\(theirs).mlp.dense_h_to_4h")
                    + TensorLink.linear("\(ours).feed_forward.projection", "\(theirs).mlp.dense_4h_to_h")
            }
            return [.same("token_embedding.weight", "gpt_neox.embed_in.weight")] + blocks
                + TensorLink.normalization("final_normalization", "gpt_neox.final_layer_norm") + [head]
        },
        // Attention masks and rotary frequencies, which older versions of transformers saved.
        ignored: ["bias", "masked_bias", "rotary_emb.inv_freq"].map {
            NamePattern("gpt_neox.layers.*.attention.\($0)")
        })
}
