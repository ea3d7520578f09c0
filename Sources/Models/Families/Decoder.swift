extension Architecture {
    /// A decoder: each position predicts the next one from itself and what stands before it.
    ///
    /// With normalization before the sublayers and learned positions it is GPT-2; with root-mean-square normalization, rotary
    /// positions, SwiGLU and no biases, Llama.
    ///
    /// - Source: Radford et al. 2019, "Language models are unsupervised multitask learners"; Touvron et al. 2023,
    ///   arXiv:2302.13971.
    static let decoder = Architecture(visibility: .causal, output: .tokens)
}
