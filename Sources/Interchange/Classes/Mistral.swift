extension ModelClass {
    /// Mistral: Llama with fewer KV heads and attention to a sliding window.
    ///
    /// - Source: Jiang et al. 2023, arXiv:2310.06825.
    static let mistral = gatedDecoder(
        "MistralForCausalLM", "mistral", keyHeads: 8,
        [
            .count("max_position_embeddings", \.contextLength, default: 131_072),
            .window("sliding_window", default: 4096),
        ])
}
