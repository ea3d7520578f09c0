import Failures
import Models
import Resources
import Tokenizers

extension Generation {
    /// The result for a prompt, in bytes that need not be valid UTF-8.
    struct Answer {
        /// The prompt as the model read it, if the result begins with the prompt; otherwise empty.
        var prompt: [UInt8] = []
        /// The text after the prompt, or the whole result.
        var text: [UInt8]
        /// The generated tokens and their log-probability; nil if the model does not generate token by token.
        var output: DecodingOutput?
        /// The prediction of a classifier.
        var prediction: LabelPrediction?

        /// The whole result.
        var bytes: [UInt8] { prompt + text }
    }

    // MARK: In one process

    /// Determines the result for `prompt`.
    ///
    /// - Parameters:
    ///   - sample: The number of the sample, from 0; each has different random numbers.
    ///   - read: Called with the prompt as the model read it, if the result begins with the prompt.
    ///   - write: Called with each part of the text as it is determined, in whole characters: token by token for a
    ///     decoder without beam search, otherwise once.
    ///   - shouldStop: Called before each token; if true, the text ends there.
    ///   - refuse: Returns the error for the prompt, given the reason.
    /// - Throws: The error of `refuse` if the prompt has no token or is too long; `usage` if there is not enough
    ///   memory; `badData` if a prediction is not finite, after parts of the text may have been written.
    package func answer(
        _ prompt: String, sample: Int = 0, read: (String) -> Void = { _ in }, write: (String) -> Void,
        shouldStop: @escaping () -> Bool, refuse: (_ reason: String) -> Failure
    ) throws(Failure) {
        let numbers = PromptNumbers.of([prompt]).map { $0 + sample }
        let inputs = try decodingInputs(of: [prompt]) { refuse($1) }
        try requireMemory(for: inputs, texts: 1)
        guard response == .continuation, settings.decoding.beams == 1 else {
            let answers = try results(of: [prompt], numbers: numbers, isOneLine: false, shouldStop) { refuse($1) }
            read(WholeCharacters.text(of: answers[0][0].prompt))
            write(WholeCharacters.text(of: answers[0][0].text))
            return
        }
        try stream(inputs[0], numbers: numbers, read: read, write: write, shouldStop: shouldStop)
    }

    /// Continues `input`, and writes each part of the text as soon as it is determined.
    ///
    /// - Parameters:
    ///   - numbers: The `PromptNumbers` of the input.
    ///   - read: Called with the text of the input.
    ///   - write: Called with parts of the text after it, in whole characters.
    func stream(
        _ input: DecodingInput, numbers: [Int], read: (String) -> Void, write: (String) -> Void,
        shouldStop: @escaping () -> Bool
    ) throws(Failure) {
        let stops = StopTexts(settings.stops)
        var characters = WholeCharacters()
        var state = DecodingState()
        var bytes: [UInt8] = []
        for token in input.text { tokenizer.decode(token, after: &state, appendingTo: &bytes) }
        read(WholeCharacters.text(of: characters.append(bytes)))
        // Bytes that may be the start of a stop sequence are held back.
        var held: [UInt8] = []
        let failure = withoutActuallyEscaping(write) { write -> Failure? in
            var observer = Decoding<Float>.Observer()
            observer.shouldStop = shouldStop
            observer.isComplete = { stops.areReached(by: $1, tokenizer) }
            observer.isForbidden = isForbidden
            observer.chose = { _, token in
                tokenizer.decode(token, after: &state, appendingTo: &held)
                let sure = stops.first(in: held) == nil ? max(0, held.count - max(0, stops.longest - 1)) : 0
                write(WholeCharacters.text(of: characters.append(Array(held[..<sure]))))
                held.removeFirst(sure)
            }
            do throws(Failure) {
                _ = try decode([input], numbers: numbers, observer: observer)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
        write(WholeCharacters.text(of: characters.append(stops.cut(held)) + characters.finish()))
    }

    /// The results for `prompts`, without the prompts; each is the same as for a single prompt. If a prompt is
    /// repeated, each repetition has different samples.
    ///
    /// - Parameters:
    ///   - shouldStop: Called before each token; if true, the texts end there.
    ///   - refuse: Returns the error for the prompt at an index, given the reason.
    /// - Throws: As `answer`.
    package func answers(
        to prompts: [String], shouldStop: @escaping () -> Bool, refuse: (Int, _ reason: String) -> Failure
    ) throws(Failure) -> [String] {
        try requireMemory(for: try decodingInputs(of: prompts, refuse), texts: prompts.count)
        return try results(
            of: prompts, numbers: PromptNumbers.of(prompts), isOneLine: false, shouldStop, refuse: refuse
        ).map { WholeCharacters.text(of: $0[0].text) }
    }

    /// The predictions of a classifier for `texts`.
    ///
    /// - Parameters:
    ///   - shouldStop: Called before each batch; if true, the remaining predictions are undefined.
    ///   - refuse: Returns the error for the text at an index, given the reason.
    /// - Throws: As `answer`.
    package func predictions(
        for texts: [String], shouldStop: () -> Bool, refuse: (Int, _ reason: String) -> Failure
    ) throws(Failure) -> [LabelPrediction] {
        try requireMemory(for: try decodingInputs(of: texts, refuse), texts: texts.count)
        return try TextClassification(trained, batch: WholeTexts.batch(settings.decoding.batch, of: texts.count))
            .run(texts, crops: settings.crops, shouldStop, refuse)
    }

    func requireMemory(for inputs: [DecodingInput], texts: Int) throws(Failure) {
        try memory(for: inputs, texts: texts).require(
            "generation", available: MemoryEstimate.availableBytes(), remedy: memoryRemedy)
    }

    // MARK: By response

    /// The results for each text: one, or as many of a beam search as `settings.best` asks for.
    ///
    /// - Parameters:
    ///   - numbers: The `PromptNumbers` of the texts, which seed random choices.
    ///   - isOneLine: Whether a result is a single line: a decoder stops at a line break, and classes are separated by
    ///     tabs.
    ///   - refuse: Returns the error for the text at an index, given the reason.
    func results(
        of texts: [String], numbers: [Int], isOneLine: Bool, _ shouldStop: @escaping () -> Bool,
        refuse: (Int, String) -> Failure
    ) throws(Failure) -> [[Answer]] {
        switch response {
        case .continuation, .target, .filledBlanks:
            return try decoded(texts, numbers, isOneLine: isOneLine, shouldStop, refuse)
        case .maskedTokens:
            return try FilledGaps(trained, batch: WholeTexts.batch(settings.decoding.batch, of: texts.count))
                .run(texts, shouldStop, refuse).map { [Answer(text: $0)] }
        case .labels:
            return try TextClassification(trained, batch: WholeTexts.batch(settings.decoding.batch, of: texts.count))
                .run(texts, crops: settings.crops, shouldStop, refuse)
                .map {
                    let text = $0.text(all: settings.tellsAllClasses, separator: isOneLine ? "\t" : "\n")
                    return [Answer(text: Array(text.utf8), prediction: $0)]
                }
        case nil: preconditionFailure("the model does not read text")
        }
    }

    private func decoded(
        _ texts: [String], _ numbers: [Int], isOneLine: Bool, _ shouldStop: @escaping () -> Bool,
        _ refuse: (Int, String) -> Failure
    ) throws(Failure) -> [[Answer]] {
        let inputs = try decodingInputs(of: texts, refuse)
        // A decoder would continue after a line break, but the result is a single line.
        let stops = StopTexts(settings.stops + (isOneLine && response == .continuation ? ["\n"] : []))
        var observer = Decoding<Float>.Observer()
        observer.shouldStop = shouldStop
        observer.isComplete = { stops.areReached(by: $1, tokenizer) }
        observer.isForbidden = isForbidden
        let outputs = try decode(inputs, numbers: numbers, observer: observer)
        return zip(inputs, outputs).map { input, outputs in
            outputs.prefix(settings.best).map { answer(input, $0, stops) }
        }
    }

    /// Whether the last of some tokens completes a forbidden text; nil if there is none.
    private var isForbidden: ((_ input: Int, _ tokens: [Int32]) -> Bool)? {
        let forbidden = StopTexts(settings.forbidden)
        return forbidden.longest == 0 ? nil : { forbidden.areReached(by: $1, tokenizer) }
    }

    /// The outputs for each input.
    ///
    /// - Throws: `badData` if logits are not finite.
    private func decode(
        _ inputs: [DecodingInput], numbers: [Int], observer: Decoding<Float>.Observer
    ) throws(Failure) -> [[DecodingOutput]] {
        do throws(NonFiniteLogits) {
            return try Decoding(trained.model, weights: trained.weights, settings.decoding)
                .outputs(for: inputs, numbers: numbers, observer: observer)
        } catch {
            throw trained.nonFinite(output: error.token)
        }
    }

    /// The result for a decoded input.
    private func answer(_ input: DecodingInput, _ output: DecodingOutput, _ stops: StopTexts) -> Answer {
        let chosen = output.tokens
        if let gap = input.gap {
            // Stop sequences are searched only in the text that fills the blank; the tokens around the blank determine
            // whether a space precedes it.
            var filling = chosen
            while !filling.isEmpty, stops.first(in: tokenizer.decode(filling)) != nil { filling.removeLast() }
            var tokens = input.text
            tokens.replaceSubrange(gap.place...gap.place, with: filling)
            return Answer(text: GapText(tokenizer, mask: input.text[gap.place]).decode(tokens), output: output)
        }
        var state = DecodingState()
        var (before, after): ([UInt8], [UInt8]) = ([], [])
        if response == .continuation {
            for token in input.text { tokenizer.decode(token, after: &state, appendingTo: &before) }
        }
        for token in chosen { tokenizer.decode(token, after: &state, appendingTo: &after) }
        return Answer(prompt: before, text: stops.cut(after), output: output)
    }
}
