/// The allowed values of the settings of a generation.
package enum GenerationLimits {
    /// The maximum number of tokens to generate; the minimum is at most the maximum.
    package static let tokens = 1...1_000_000_000
    /// The sampling temperature.
    package static let temperature = 0.0...100
    /// The number of most probable tokens to sample from.
    package static let topK = 0...1_000_000_000
    /// The total probability of nucleus sampling.
    package static let topP = 0.000_001...1
    /// The penalty of repeated tokens.
    package static let repetitionPenalty = 0.01...100
    /// The number of beams.
    package static let beams = 1...1000
    /// The number of samples of each prompt.
    package static let samples = 1...100_000
    /// The exponent of the length of a hypothesis.
    package static let lengthPenalty = -100.0...100
    /// The number of prompts that are decoded at once.
    package static let batch = 1...100_000
}
