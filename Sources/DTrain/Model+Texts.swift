import Failures
import Inference
import Tokenizers

extension Model {
    // MARK: Decoders

    /// Continues a prompt, with a decoder.
    ///
    /// - Parameters:
    ///   - prompt: At least one character, and at most ``contextLength`` tokens unless `options.crop` is true.
    ///   - options: How tokens are chosen, and where the text ends.
    ///   - onText: Called on the same thread with each part of the text as soon as it is determined: token by token in
    ///     whole characters, or once for a beam search. The parts together are the result.
    /// - Returns: The text that follows the prompt. Bytes of a byte-level model that are not UTF-8 are replaced by
    ///   U+FFFD.
    /// - Throws: `usage` for a prompt or an option that is not allowed, for a model of another family, or if there is
    ///   not enough memory; `badData` if the model computes numbers that are not finite.
    public func generate(
        _ prompt: String, _ options: GenerationOptions = GenerationOptions(), onText: (String) -> Void = { _ in }
    ) throws(DTrainError) -> String {
        try computing { () throws(Failure) in
            let generation = try generation(texts("continue a prompt", [.decoder]), options)
            try requireCharacters([prompt], "prompt")
            var text = ""
            try generation.answer(
                prompt,
                write: { part in
                    guard !part.isEmpty else { return }
                    text += part
                    onText(part)
                }, shouldStop: { Task.isCancelled }, refuse: { refusal(0, "prompt", of: [prompt], $0) })
            return text
        }
    }

    /// Continues several prompts, with a decoder, in batches of `options.batch`; each prompt is processed independently
    /// of the others.
    ///
    /// - Parameter prompts: As for a single prompt. If a prompt is repeated, each repetition has different samples.
    /// - Returns: The text that follows each prompt.
    /// - Throws: As for a single prompt; the message names the first prompt that is not allowed.
    public func generate(
        _ prompts: [String], _ options: GenerationOptions = GenerationOptions()
    ) throws(DTrainError) -> [String] {
        try answers(prompts, options, "prompt", "continue a prompt", [.decoder])
    }

    // MARK: Encoder-decoders

    /// Translates a text, with an encoder-decoder.
    ///
    /// - Parameters:
    ///   - text: At least one character, and at most ``contextLength`` − 1 tokens unless `options.crop` is true.
    ///   - options: By default the most probable token is chosen; `beams` searches for a more probable translation.
    /// - Throws: As `generate`.
    public func translate(
        _ text: String, _ options: GenerationOptions = GenerationOptions()
    ) throws(DTrainError) -> String {
        try translate([text], options)[0]
    }

    /// Translates several texts, with an encoder-decoder, in batches of `options.batch`; each text is translated
    /// independently of the others.
    ///
    /// - Throws: As for a single text; the message names the first text that is not allowed.
    public func translate(
        _ texts: [String], _ options: GenerationOptions = GenerationOptions()
    ) throws(DTrainError) -> [String] {
        try answers(texts, options, "text", "translate", [.encoderDecoder])
    }

    // MARK: Models with blanks

    /// Fills the blanks of a text, each written as `[MASK]`: an encoder puts the most probable token into each blank, a
    /// prefix decoder generates a text for the first blank.
    ///
    /// - Parameters:
    ///   - text: At most ``contextLength`` tokens. An encoder requires at least one blank; a prefix decoder continues a
    ///     text without a blank.
    ///   - options: For a prefix decoder.
    /// - Returns: The text with its blanks filled.
    /// - Throws: As `generate`.
    public func fill(
        _ text: String, _ options: GenerationOptions = GenerationOptions()
    ) throws(DTrainError) -> String {
        try fill([text], options)[0]
    }

    /// Fills the blanks of several texts, in batches of `options.batch`; each text is filled independently of the
    /// others.
    ///
    /// - Throws: As for a single text; the message names the first text that is not allowed.
    public func fill(
        _ texts: [String], _ options: GenerationOptions = GenerationOptions()
    ) throws(DTrainError) -> [String] {
        try answers(texts, options, "text", "fill blanks", [.encoder, .prefixDecoder])
    }

    private func answers(
        _ texts: [String], _ options: GenerationOptions, _ noun: String, _ action: String, _ families: [Family]
    ) throws(DTrainError) -> [String] {
        try computing { () throws(Failure) in
            let generation = try generation(self.texts(action, families), options)
            try requireCharacters(texts, noun)
            return try generation.answers(to: texts, shouldStop: { Task.isCancelled }) {
                refusal($0, noun, of: texts, $1)
            }
        }
    }

    // MARK: Tokens

    /// The families that read text.
    static let readers: [Family] = [.decoder, .encoder, .encoderDecoder, .prefixDecoder, .classifier]

    /// Returns the tokens of a text, without special tokens, as `dtrain prepare` stores them.
    ///
    /// - Returns: Token IDs, from 0 to ``vocabularySize`` − 1. For a model without a tokenizer, the text consists of
    ///   token IDs as decimal numbers.
    /// - Throws: `usage` for a model of images, or if the text has no representation as tokens.
    public func tokenize(_ text: String) throws(DTrainError) -> [Int] {
        try wrapping { () throws(Failure) in
            try texts("read text", Model.readers).tokenizer.encode(text).map(Int.init)
        }
    }

    /// Returns the text of tokens. Special tokens have no text; an ID outside the vocabulary, or bytes that are not
    /// UTF-8, become U+FFFD.
    ///
    /// - Throws: `usage` for a model of images.
    public func detokenize(_ tokens: [Int]) throws(DTrainError) -> String {
        try wrapping { () throws(Failure) in
            let tokenizer = try texts("read text", Model.readers).tokenizer
            return String(decoding: tokenizer.decode(tokens.map { Int32(exactly: $0) ?? -1 }), as: UTF8.self)
        }
    }
}
