extension ModelClass {
    /// Gemma: Llama with GEGLU, scaled embeddings, a head dimension of its own, and scales of normalizations that are
    /// stored as their difference from 1.
    ///
    /// - Source: Gemma Team 2024, arXiv:2403.08295.
    static let gemma = gatedDecoder(
        "GemmaForCausalLM", "gemma", keyHeads: 16, headWidth: 256, normalization: .rmsOffset, isTied: true,
        [
            .count("max_position_embeddings", \.contextLength, default: 8192),
            // The first files named the tanh approximation "gelu".
            .gatedActivation("hidden_act", default: "gelu_pytorch_tanh", ("gelu", .geglu)),
            .absent("hidden_activation", or: "gelu_pytorch_tanh"),
            .attentionBias("attention_bias", default: false),
            .absent("use_bidirectional_attention", or: false),
            .only("model.scale_embeddings", \.configuration.scaleEmbeddings, true),
        ])
}
