import Checkpoints
import Datasets
import Failures
import Models
import Tensors

/// What to generate, and how.
package struct GenerationSettings: Sendable {
    /// The checkpoint's directory.
    package var checkpoint: String
    /// The text to continue.
    package var prompt: String
    /// How many tokens to add.
    package var tokens: Int
    /// As `TokenSampler` has them.
    package var temperature: Double
    package var topK: Int
    package var topP: Double
    package var seed: UInt64
    /// nil for the averaged ones where there are any.
    package var weights: WeightChoice?

    /// All of it.
    package init(
        checkpoint: String, prompt: String, tokens: Int, temperature: Double, topK: Int, topP: Double, seed: UInt64,
        weights: WeightChoice? = nil
    ) {
        self.checkpoint = checkpoint
        self.prompt = prompt
        self.tokens = tokens
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.seed = seed
        self.weights = weights
    }
}

/// A model loaded from a checkpoint, continuing a text.
package struct Generation {
    private let settings: GenerationSettings
    private let tokenizer: any Tokenizer
    private let cache: DecoderCache
    private let weights: Arena<Float>
    private let sampler: TokenSampler
    private let contextLength: Int

    /// Loads and verifies the checkpoint.
    ///
    /// - Throws: `badData` where it is damaged or makes no sense.
    package init(_ settings: GenerationSettings) throws(Failure) {
        self.settings = settings
        let checkpoint = try Checkpoint.open(settings.checkpoint)
        try checkpoint.verify()
        let identity = try CheckpointIdentity(checkpoint)
        tokenizer = try identity.makeTokenizer()
        contextLength = identity.configuration.data.contextLength
        let decoder = Decoder<Float>(
            identity.configuration.model, vocabularySize: identity.vocabularySize, contextLength: contextLength)
        weights = Arena(count: decoder.layout.count)
        try loadWeights(
            checkpoint, decoder.layout, into: weights, precision: identity.configuration.precision, settings.weights)
        cache = DecoderCache(decoder, weights: weights.base)
        sampler = TokenSampler(
            temperature: settings.temperature, topK: settings.topK, topP: settings.topP, seed: settings.seed)
    }

    /// Writes the prompt and what follows it, as it comes, in whole characters.
    ///
    /// Where the context is full, its older half is forgotten and the newer half is read again.
    ///
    /// - Parameter shouldStop: Asked before each token; the text ends there.
    package func run(output: ([UInt8]) -> Void, shouldStop: () -> Bool) throws(Failure) {
        var text = try tokenizer.encode(settings.prompt)
        guard !text.isEmpty else {
            throw Failure(.usage, "generate: --prompt is empty. Give at least one character.")
        }
        var characters = WholeCharacters()
        var state = DecodingState()
        func write(_ tokens: [Int32]) {
            var bytes: [UInt8] = []
            for token in tokens { tokenizer.decode(token, after: &state, appendingTo: &bytes) }
            output(characters.append(bytes))
        }
        write(text)
        // The newest tokens that the model has not seen yet, at most half a context at once.
        var unseen = Array(text.suffix(max(1, contextLength / 2)))
        for _ in 0..<settings.tokens {
            if shouldStop() { break }
            if cache.count + unseen.count > contextLength {
                cache.reset()
                unseen = Array(text.suffix(max(1, contextLength / 2)))
            }
            let token = sampler.choose(cache.extend(by: unseen), at: text.count)
            text.append(token)
            unseen = [token]
            write([token])
        }
        output(characters.finish() + [UInt8(ascii: "\n")])
    }
}
