/// The options of decoding: how tokens are chosen, and when an output ends.
package struct DecodingSettings: Equatable, Sendable {
    /// The maximum number of tokens to generate.
    package var tokens = 200
    /// The minimum number of tokens before an end token is allowed.
    package var minimumTokens = 0
    /// The sampling options of `TokenSampler`; temperature 0 chooses the most probable token.
    package var temperature = 0.0
    package var topK = 0
    package var topP = 1.0
    /// The divisor of the logits of tokens that already occur in the text (a factor for negative logits); 1: no
    /// penalty.
    ///
    /// - Source: Keskar et al. 2019 (CTRL), arXiv:1909.05858, section 4.1, with negative logits handled as in
    ///   `transformers`.
    package var repetitionPenalty = 1.0
    /// The number of beams; 1: no beam search.
    package var beams = 1
    /// The length penalty α: the score of a hypothesis of n tokens is its log-probability divided by n^α, as in
    /// `transformers`; larger values favour longer outputs.
    package var lengthPenalty = 1.0
    /// The tokens that end an output and are not part of it.
    package var endTokens: [Int32] = []
    /// Tokens that are never generated, for example tokens without text.
    package var forbiddenTokens: [Int32] = []
    package var seed: UInt64 = 1337
    /// Whether outputs have their log-probability, which a beam search computes in any case.
    package var scores = false
    /// The number of inputs that are decoded together.
    package var batch = 16

    /// Greedy decoding of up to 200 tokens.
    package init() {}
}

/// An output of decoding.
package struct DecodingOutput: Equatable, Sendable {
    /// The generated tokens, without the end token.
    package var tokens: [Int32]
    /// The sum of the natural log-probabilities that the model gives these tokens, and the end token if it was
    /// generated; 0 if it was not asked for. A beam search sums log-probabilities after the repetition penalty.
    package var logProbability: Double

    package init(tokens: [Int32], logProbability: Double) {
        self.tokens = tokens
        self.logProbability = logProbability
    }
}

/// An input of decoding.
package struct DecodingInput: Equatable, Sendable {
    /// The encoder's input; empty for models without an encoder.
    package var source: [Int32] = []
    /// The tokens before the first generated one: a prompt, a begin token, or a text with a blank; at least one token.
    package var text: [Int32]
    /// The position of the blank to fill and the token that begins its filling; nil to continue the text.
    package var gap: (place: Int, begin: Int32)?

    /// An input that continues `text`, with the encoder input `source`.
    package init(source: [Int32] = [], text: [Int32]) {
        self.source = source
        self.text = text
    }

    /// An input that fills the blank at position `place` of `text`.
    package init(text: [Int32], gap place: Int, begin: Int32) {
        self.text = text
        gap = (place, begin)
    }

    package static func == (a: DecodingInput, b: DecodingInput) -> Bool {
        a.source == b.source && a.text == b.text && a.gap?.place == b.gap?.place && a.gap?.begin == b.gap?.begin
    }

    /// The number of positions that are occupied when the first token is chosen.
    var positions: Int { text.count + (gap == nil ? 0 : 1) }
    /// The tokens that are read in one pass; the token after them is added like a generated one.
    var readTokens: ArraySlice<Int32> { gap == nil ? text.dropLast() : text[...] }
    /// The token that is added first.
    var firstToken: Int32 { gap?.begin ?? text[text.count - 1] }

    /// The number of tokens that can be generated in a context of `contextLength`; the last one needs no position.
    func room(contextLength: Int) -> Int { contextLength - positions + 1 }
}
