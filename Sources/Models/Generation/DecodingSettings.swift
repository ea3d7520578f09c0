/// How tokens are chosen, and when a text ends.
package struct DecodingSettings: Equatable, Sendable {
    /// The most tokens that are added.
    package var tokens = 200
    /// The fewest before the end token may come.
    package var minimumTokens = 0
    /// As `TokenSampler` has them; 0 takes the likeliest token.
    package var temperature = 0.0
    package var topK = 0
    package var topP = 1.0
    /// What the logits of tokens that the text has already are divided by, or, below 0, multiplied with; 1 changes nothing.
    ///
    /// - Source: Keskar et al. 2019 (CTRL), arXiv:1909.05858, section 4.1, with the sign considered as `transformers` does.
    package var repetitionPenalty = 1.0
    /// Hypotheses that are followed at once; 1 chooses token by token.
    package var beams = 1
    /// α: a hypothesis of n tokens with the logarithmic probability s counts s / n^α, as in `transformers`; larger ones favour
    /// longer texts.
    package var lengthPenalty = 1.0
    /// The token that ends a text and is not part of it.
    package var endToken: Int32?
    /// Tokens that are never chosen, whatever the model says: such as stand for no text.
    package var forbiddenTokens: [Int32] = []
    package var seed: UInt64 = 1337
    /// Texts that are continued together.
    package var batch = 16

    /// The likeliest token each time, up to 200.
    package init() {}
}

/// A text to decode from.
package struct DecodingInput: Equatable, Sendable {
    /// What an encoder reads; empty without one.
    package var source: [Int32] = []
    /// What is there before the first token is chosen: a prompt, a begin token, or a text with a gap; at least one token.
    package var text: [Int32]
    /// Where the gap is that is filled in, and the token that begins what fills it; nil where the text is continued.
    package var gap: (place: Int, begin: Int32)?

    /// Continues `text`, after an encoder has read `source`.
    package init(source: [Int32] = [], text: [Int32]) {
        self.source = source
        self.text = text
    }

    /// Fills the gap at `place` of `text`.
    package init(text: [Int32], gap place: Int, begin: Int32) {
        self.text = text
        gap = (place, begin)
    }

    package static func == (a: DecodingInput, b: DecodingInput) -> Bool {
        a.source == b.source && a.text == b.text && a.gap?.place == b.gap?.place && a.gap?.begin == b.gap?.begin
    }

    /// The positions that are filled when the first token is chosen.
    var positions: Int { text.count + (gap == nil ? 0 : 1) }
    /// What is read at once; the last token is added like a chosen one.
    var readTokens: ArraySlice<Int32> { gap == nil ? text.dropLast() : text[...] }
    /// The token that is added first.
    var firstToken: Int32 { gap?.begin ?? text[text.count - 1] }

    /// The tokens that a context of `contextLength` holds behind the text: what is chosen last needs no position.
    func room(contextLength: Int) -> Int { contextLength - positions + 1 }
}
