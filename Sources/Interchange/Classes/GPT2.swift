import Tensors

extension ModelClass {
    /// GPT-2: a pre-norm decoder with learned positions.
    ///
    /// - Source: Radford et al. 2019, "Language models are unsupervised multitask learners".
    static let gpt2 = ModelClass(
        name: "GPT2LMHeadModel", modelType: "gpt2", family: .decoder, prefix: "transformer.", generates: true,
        members: [
            .count("vocab_size", \.vocabularySize),
            .count("n_positions", \.contextLength, default: 1024), .repeated("n_ctx", \.contextLength),
            .count("n_embd", \.configuration.width, default: 768),
            .count("n_layer", \.configuration.layers, default: 12),
            .count("n_head", \.configuration.heads, default: 12),
            .count("n_inner", \.hiddenWidth, like: \.fourWidths),
            .activation("activation_function", default: "gelu_new"),
            .number("layer_norm_epsilon", property: \.configuration.normalizationEpsilon, default: 1e-5),
            .number("resid_pdrop", property: \.configuration.dropout, default: 0.1),
            .number("embd_pdrop", property: \.embeddingDropout, default: 0.1),
            .number("attn_pdrop", property: \.attentionDropout, default: 0.1),
            .number("initializer_range", property: \.configuration.initializerStd, default: 0.02),
            .flag("tie_word_embeddings", \.configuration.tieEmbeddings, default: true),
            .token("bos_token_id", \.special.bos), .token("eos_token_id", \.special.eos),
            .token("pad_token_id", \.special.pad),
            .always("scale_attn_weights", true), .always("scale_attn_by_inverse_layer_idx", false),
            .always("add_cross_attention", false),
            .only("model.normalization", \.configuration.normalization, .layer),
            .only("model.placement", \.configuration.placement, .pre),
            .only("model.positions", \.configuration.positions, .learned),
        ],
        tensors: { model in
            let head =
                model.configuration.tieEmbeddings
                ? TensorLink.duplicate("lm_head.weight", of: "transformer.wte.weight")
                : .same("head.weight", "lm_head.weight")
            let blocks = (0..<model.configuration.layers).flatMap { index in
                let (ours, theirs) = ("blocks.\(index)", "transformer.h.\(index)")
                return TensorLink.normalization("\(ours).attention_normalization", "\(theirs).ln_1")
                    + TensorLink.transposed("\(ours).attention.query_key_value", "\(theirs).attn.c_attn")
                    + TensorLink.transposed("\(ours).attention.projection", "\(theirs).attn.c_proj")
                    + TensorLink.normalization("\(ours).feed_forward_normalization", "\(theirs).ln_2")
                    + TensorLink.transposed("\(ours).feed_forward.expansion", "\(theirs).mlp.c_fc")
                    + TensorLink.transposed("\(ours).feed_forward.projection", "\(theirs).mlp.c_proj")
            }
            return [
                .same("token_embedding.weight", "transformer.wte.weight"),
                .same("position_embedding.weight", "transformer.wpe.weight"),
            ] + blocks + TensorLink.normalization("final_normalization", "transformer.ln_f") + [head]
        },
        // Attention masks, which older versions of transformers saved.
        ignored: ["transformer.h.*.attn.bias", "transformer.h.*.attn.masked_bias"].map(NamePattern.init))
}

extension PortableModel {
    /// 4 · C, the default of F.
    fileprivate var fourWidths: Int {
        get { 4 * configuration.width }
        set {}
    }
}
