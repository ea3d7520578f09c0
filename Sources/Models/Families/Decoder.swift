extension Architecture {
    /// A decoder-only model: each position attends to itself and to earlier positions, and predicts the next token.
    ///
    /// With pre-norm and learned positions it is GPT-2; with RMS normalization, rotary positions, SwiGLU and no biases,
    /// Llama.
    ///
    /// - Source: Radford et al. 2019, "Language models are unsupervised multitask learners"; Touvron et al. 2023,
    ///   arXiv:2302.13971.
    static let decoder = Architecture(visibility: .causal, output: .tokens)
}
