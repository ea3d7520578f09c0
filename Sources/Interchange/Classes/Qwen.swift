extension ModelClass {
    /// Qwen2: Llama with biases of queries, keys and values.
    ///
    /// - Source: Yang et al. 2024, arXiv:2407.10671.
    static let qwen2 = gatedDecoder(
        "Qwen2ForCausalLM", "qwen2", keyHeads: 32,
        [
            .count("max_position_embeddings", \.contextLength, default: 32768), .biasedQueriesKeysValues,
            .window(
                "sliding_window", default: 4096, if: "use_sliding_window", from: "max_window_layers", default: 28),
        ])

    /// Qwen3: Llama with normalized queries and keys.
    ///
    /// - Source: Yang et al. 2025, arXiv:2505.09388.
    static let qwen3 = gatedDecoder(
        "Qwen3ForCausalLM", "qwen3", keyHeads: 32, headWidth: 128,
        [
            .count("max_position_embeddings", \.contextLength, default: 32768),
            .attentionBias("attention_bias", default: false),
            .only("model.query_key_normalization", \.configuration.queryKeyNormalization, true),
            .window(
                "sliding_window", default: 4096, if: "use_sliding_window", from: "max_window_layers", default: 28),
        ])
}
