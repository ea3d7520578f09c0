import Failures
import Inference

/// The options of generation, with the defaults of `dtrain generate`.
///
/// ```swift
/// var options = GenerationOptions()
/// options.tokens = 40
/// options.temperature = 0.7
/// options.stops = ["\n"]
/// ```
public struct GenerationOptions: Equatable, Sendable {
    /// The maximum number of new tokens, from 1 to 1,000,000,000 (`--tokens N`).
    public var tokens = 200
    /// The minimum number of new tokens, from 0 to `tokens` (`--tokens M:N`).
    public var minimumTokens = 0
    /// The sampling temperature, from 0 to 100 (`--temperature`). 0 always chooses the most probable token; nil is 0.8
    /// for a decoder and 0 for other models and for beam search.
    public var temperature: Double?
    /// Samples only from this many most probable tokens, up to 1,000,000,000; 0: from all (`--top-k`).
    public var topK = 0
    /// Samples only from the most probable tokens whose probabilities sum to this value, above 0 and at most 1; 1: from
    /// all (`--top-p`).
    public var topP = 1.0
    /// The divisor of the logits of tokens that already occur in the text, from 0.01 to 100; 1: no penalty
    /// (`--repetition-penalty`).
    public var repetitionPenalty = 1.0
    /// The number of beams of a beam search, from 1 to 1000; 1: no beam search (`--beam`). It cannot be combined with
    /// `temperature`, `topK` and `topP`.
    public var beams = 1
    /// The score of a hypothesis of n tokens in a beam search is its log-probability divided by n to this power, from
    /// −100 to 100 (`--length-penalty`).
    public var lengthPenalty = 1.0
    /// The stop sequences, none of them empty: a text ends before the first of them (`--stop`).
    public var stops: [String] = []
    /// Whether a prompt that is longer than the model's context is cropped: to its end for a decoder, to its beginning
    /// for an encoder-decoder (`--crop`). Otherwise it is an error.
    public var crop = false
    /// The maximum number of prompts that are computed at once, from 1 to 100,000 (`--batch`). It changes no result; a
    /// larger batch needs more memory, but less time per prompt.
    public var batch = 16
    /// The seed of sampling, not negative (`--seed`). A text is a function of checkpoint, prompt, options and seed.
    public var seed = 1337

    /// The defaults.
    public init() {}

    /// The settings for a model from `checkpoint`.
    ///
    /// - Throws: `usage` for a value that is not allowed.
    func settings(_ checkpoint: String, _ weights: WeightChoice?) throws(Failure) -> GenerationSettings {
        try GenerationOptions.check(tokens, "tokens", in: GenerationLimits.tokens)
        try GenerationOptions.check(minimumTokens, "minimumTokens", in: 0...tokens)
        try GenerationOptions.check(topK, "topK", in: GenerationLimits.topK)
        try GenerationOptions.check(topP, "topP", in: GenerationLimits.topP)
        try GenerationOptions.check(repetitionPenalty, "repetitionPenalty", in: GenerationLimits.repetitionPenalty)
        try GenerationOptions.check(beams, "beams", in: GenerationLimits.beams)
        try GenerationOptions.check(lengthPenalty, "lengthPenalty", in: GenerationLimits.lengthPenalty)
        try GenerationOptions.check(batch, "batch", in: GenerationLimits.batch)
        try GenerationOptions.check(seed, "seed", in: 0...Int.max)
        if let temperature { try GenerationOptions.check(temperature, "temperature", in: GenerationLimits.temperature) }
        guard !stops.contains(where: \.isEmpty) else {
            throw Failure(.usage, "stops: found an empty text; allowed: at least one character.")
        }
        if beams == 1, lengthPenalty != 1 {
            throw Failure(.usage, "lengthPenalty requires beam search: beams of at least 2.")
        }
        let chance = [("temperature", temperature != nil), ("topK", topK != 0), ("topP", topP != 1)]
        for (name, isSet) in chance where isSet && beams > 1 {
            throw Failure(.usage, "beams and \(name) cannot be combined: beam search is deterministic.")
        }
        var settings = GenerationSettings(checkpoint: checkpoint)
        settings.weights = weights
        settings.temperature = temperature
        settings.stops = stops
        settings.crops = crop
        settings.decoding.tokens = tokens
        settings.decoding.minimumTokens = minimumTokens
        settings.decoding.topK = topK
        settings.decoding.topP = topP
        settings.decoding.repetitionPenalty = repetitionPenalty
        settings.decoding.beams = beams
        settings.decoding.lengthPenalty = lengthPenalty
        settings.decoding.batch = batch
        settings.decoding.seed = UInt64(seed)
        return settings
    }

    static func check<Number: Comparable>(
        _ value: Number, _ name: String, in range: ClosedRange<Number>
    ) throws(Failure) {
        // NaN is in no range.
        guard range.contains(value) else {
            let kind = value is Int ? "a whole number" : "a number"
            throw Failure(
                .usage,
                "\(name): found \(value); allowed: \(kind) from \(range.lowerBound) to \(range.upperBound).")
        }
    }
}
