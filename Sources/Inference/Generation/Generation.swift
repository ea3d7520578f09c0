import Checkpoints
import Collectives
import Datasets
import Failures
import Files
import Models
import Resources
import Settings
import Texts
import Tokenizers

/// What to generate, and how.
package struct GenerationSettings: Sendable {
    /// The checkpoint's directory.
    package var checkpoint: String
    /// nil for the averaged ones where there are any.
    package var weights: WeightChoice?
    /// How tokens are chosen; its end token is the tokenizer's.
    package var decoding = DecodingSettings()
    /// What tokens' logits are divided by; nil: 0.8 for a decoder, 0 (the likeliest) otherwise.
    package var temperature: Double?
    /// Texts at which a text ends, without them.
    package var stops: [String] = []
    /// Whether all classes are told, not only the likeliest.
    package var tellsAllClasses = false
    /// Whether the result of a line is a JSON object that holds all of it: see `PromptFile`.
    package var writesObjects = false
    /// Whether of a text that is longer than the context a part is read: its end by a decoder, its beginning by an
    /// encoder-decoder or a classifier. A text with gaps is never cut.
    package var crops = false

    /// The defaults.
    package init(checkpoint: String) { self.checkpoint = checkpoint }
}

/// Applies a model from a checkpoint to prompts. The kind of response depends on the model family.
///
/// A decoder continues it, an encoder-decoder translates it, a prefix decoder fills its first gap, an encoder puts the
/// likeliest token in each gap, a classifier tells its classes.
package struct Generation {
    let settings: GenerationSettings
    private let trained: TrainedModel
    let communicator: any Communicator
    private var tokenizer: any Tokenizer { trained.tokenizer }
    private var contextLength: Int { trained.model.sizes.contextLength }
    private var response: Architecture.Response? { trained.model.architecture.response }

    /// Loads and verifies the checkpoint.
    ///
    /// - Throws: As `TrainedModel`; `usage` for settings that do not go together.
    package init(_ settings: GenerationSettings, _ communicator: any Communicator) throws {
        self.init(
            settings, try TrainedModel(checkpoint: settings.checkpoint, settings.weights, communicator), communicator)
    }

    /// Generation with a model that is loaded already.
    init(_ settings: GenerationSettings, _ trained: TrainedModel, _ communicator: any Communicator) {
        self.trained = trained
        self.communicator = communicator
        var settings = settings
        let end = trained.tokenizer.specialTokens.eos
        settings.decoding.endToken = end
        settings.decoding.forbiddenTokens = trained.tokensWithoutText.filter { $0 != end }
        let continues = trained.model.architecture.response == .continuation
        settings.decoding.temperature = settings.temperature ?? (continues && settings.decoding.beams == 1 ? 0.8 : 0)
        self.settings = settings
    }

    // MARK: One text

    /// Writes what becomes of `prompt`; what is chosen token by token appears as it comes, in whole characters.
    ///
    /// - Parameters:
    ///   - write: Called with UTF-8.
    ///   - shouldStop: Asked before each token; the text ends there.
    /// - Throws: `usage` for a prompt that is empty or does not fit, or where the memory does not suffice.
    package func run(
        prompt: String, output write: ([UInt8]) -> Void, shouldStop: @escaping () -> Bool
    ) throws(Failure) {
        func output(_ bytes: [UInt8]) { write(Array(WholeCharacters.text(of: bytes).utf8)) }
        guard !prompt.isEmpty else {
            throw Failure(.usage, "generate: --prompt is empty. Give at least one character.")
        }
        func refuse(_ reason: String) -> Failure { Failure(.usage, "generate: --prompt \(reason)") }
        let inputs = try decodingInputs(of: [prompt]) { refuse($1) }
        try memory(for: inputs, texts: 1).require(
            "generation", available: MemoryEstimate.availableBytes(), remedy: memoryRemedy)
        guard response == .continuation, settings.decoding.beams == 1 else {
            let texts = try results(
                of: [prompt], numbers: PromptNumbers.of([prompt]), isOneLine: false, shouldStop
            ) { refuse($1) }
            output(texts[0] + [UInt8(ascii: "\n")])
            return
        }
        let input = inputs[0]
        let stops = StopTexts(settings.stops)
        var characters = WholeCharacters()
        var state = DecodingState()
        var bytes: [UInt8] = []
        for token in input.text { tokenizer.decode(token, after: &state, appendingTo: &bytes) }
        output(characters.append(bytes))
        // What may yet turn out to be the beginning of a stop text is held back.
        var held: [UInt8] = []
        var failure: Failure?
        withoutActuallyEscaping(write) { write in
            var observer = Decoding<Float>.Observer()
            observer.shouldStop = shouldStop
            observer.isComplete = { stops.areReached(by: $1, tokenizer) }
            observer.chose = { _, token in
                tokenizer.decode(token, after: &state, appendingTo: &held)
                let sure = stops.first(in: held) == nil ? max(0, held.count - max(0, stops.longest - 1)) : 0
                write(Array(WholeCharacters.text(of: characters.append(Array(held[..<sure]))).utf8))
                held.removeFirst(sure)
            }
            let numbers = PromptNumbers.of([prompt])
            do throws(Failure) {
                _ = try decode([input], numbers: numbers, observer: observer)
            } catch {
                failure = error
            }
        }
        if let failure {
            // What has been written is a line of its own before the message.
            output([UInt8(ascii: "\n")])
            throw failure
        }
        output(characters.append(stops.cut(held)) + characters.finish() + [UInt8(ascii: "\n")])
    }

    // MARK: Many lines

    /// What becomes of each of `lines`, in their order, a line each; an empty line stays one. The ranks share them.
    ///
    /// - Parameters:
    ///   - range: The lines that are wanted; nil: all. It changes no result.
    ///   - numbers: The lines' `PromptNumbers`; nil: they are computed.
    ///   - name: Where the lines come from, for messages.
    ///   - shouldStop: Asked before each token.
    /// - Returns: On rank 0 all of them, elsewhere nothing; nil where it was stopped.
    /// - Throws: `AgreedFailure` with `badData`, naming a line that does not fit.
    package func run(
        lines: [String], in range: Range<Int>? = nil, numbers: [Int]? = nil, name: String,
        shouldStop: @escaping () -> Bool
    ) throws -> [String]? {
        let range = range ?? lines.indices
        func places(ofRank rank: Int) -> [Int] {
            stride(from: range.lowerBound + rank, to: range.upperBound, by: communicator.size)
                .filter { !lines[$0].isEmpty }
        }
        let own = places(ofRank: communicator.rank)
        let numbers = numbers ?? PromptNumbers.of(lines)
        var stopped = false
        let texts = try communicator.together { () throws(Failure) in
            try results(
                of: own.map { lines[$0] }, numbers: own.map { numbers[$0] }, isOneLine: !settings.writesObjects,
                { () -> Bool in
                    stopped = stopped || shouldStop()
                    return stopped
                },
                refuse: { Failure(.badData, "\(name):\(own[$0] + 1): \($1)") })
        }
        if try communicator.maximum(stopped ? 1 : 0) == 1 { return nil }
        let gathered = try communicator.gather(
            texts.map { PromptFile.line(of: $0, asObject: settings.writesObjects) }.joined(separator: "\n"))
        if communicator.rank != 0 { return [] }
        let empty = settings.writesObjects ? PromptFile.line(of: [], asObject: true) : ""
        var all = [String](repeating: empty, count: range.count)
        for (rank, text) in gathered.enumerated() {
            let lines = text.exactParts(at: "\n")
            for (place, line) in zip(places(ofRank: rank), lines) { all[place - range.lowerBound] = line }
        }
        return all
    }

    /// Makes sure that the model can read every one of `lines`, before any work is done on them.
    ///
    /// - Parameter name: Where the lines come from, for messages.
    /// - Throws: `AgreedFailure` with `badData`, naming a line that does not fit; with `usage` where the memory does not
    ///   suffice.
    package func check(lines: [String], name: String) throws {
        let own = stride(from: communicator.rank, to: lines.count, by: communicator.size).filter { !lines[$0].isEmpty }
        let inputs = try communicator.together { () throws(Failure) -> [DecodingInput] in
            try decodingInputs(of: own.map { lines[$0] }) { (place: Int, reason: String) in
                Failure(.badData, "\(name):\(own[place] + 1): \(reason)")
            }
        }
        try communicator.requireMemory(for: "generation", remedy: memoryRemedy) {
            memory(for: inputs, texts: own.count)
        }
    }

    /// The tokens that are decoded for each text; none for a model that sees all of a text at once, whose texts are only
    /// checked.
    ///
    /// - Parameter refuse: The failure of the text at a place, for a reason.
    private func decodingInputs(
        of texts: [String], _ refuse: (Int, String) -> Failure
    ) throws(Failure) -> [DecodingInput] {
        var inputs: [DecodingInput] = []
        switch response {
        case .maskedTokens: _ = try FilledGaps.inputs(trained, texts, refuse)
        case .labels: _ = try TextClassification.inputs(trained, texts, crops: settings.crops, refuse)
        default:
            for (place, text) in texts.enumerated() { inputs.append(try decodingInput(text) { refuse(place, $0) }) }
        }
        return inputs
    }

    /// Estimates what the ranks of this host need beside the weights.
    ///
    /// - Parameters:
    ///   - inputs: Those of this rank, which are decoded.
    ///   - texts: The number of texts of this rank.
    func memory(for inputs: [DecodingInput], texts: Int) -> MemoryEstimate {
        let ranks = communicator.localSize
        var estimate = MemoryEstimate()
        for part in Decoding(trained.model, weights: trained.weights, settings.decoding).memory(for: inputs) {
            estimate.add(part.name, part.count, bytesEach: part.bytes, times: ranks)
        }
        if response == .maskedTokens || response == .labels, texts > 0 {
            let bytes = trained.model.activationBytes(
                sequences: WholeTexts.batch(settings.decoding.batch, of: texts), positions: contextLength)
            estimate.add("activations", bytes, bytesEach: 1, times: ranks)
        }
        return estimate
    }

    /// What makes a generation fit into the memory.
    private var memoryRemedy: String {
        let beams = settings.decoding.beams > 1 ? "--beam (\(settings.decoding.beams)), " : ""
        return "Lower \(beams)--batch (\(settings.decoding.batch); it changes no result) or --tokens "
            + "(\(settings.decoding.tokens))."
    }

    /// What the results of `lines` depend on, as one word: the same word, the same results.
    package func work(on lines: [String]) throws(Failure) -> String {
        var settings = settings
        settings.checkpoint = ""
        settings.decoding.batch = 0
        var digest = Digest()
        digest.update(programVersion)
        digest.update(try Checkpoint.open(trained.directory).digest)
        digest.update(String(reflecting: settings))
        for line in lines { digest.update(line) }
        return digest.hexadecimal()
    }

    // MARK: By response

    /// What becomes of each text.
    ///
    /// - Parameters:
    ///   - numbers: The number of each, which random choices depend on.
    ///   - isOneLine: Whether a result is one line: a decoder stops at a line break, and tabs stand between classes.
    ///   - refuse: The failure of the text at a place, for a reason.
    private func results(
        of texts: [String], numbers: [Int], isOneLine: Bool, _ shouldStop: @escaping () -> Bool,
        refuse: (Int, String) -> Failure
    ) throws(Failure) -> [[UInt8]] {
        switch response {
        case .continuation, .target, .filledBlanks:
            return try decoded(texts, numbers, isOneLine: isOneLine, shouldStop, refuse)
        case .maskedTokens:
            return try FilledGaps(trained, batch: WholeTexts.batch(settings.decoding.batch, of: texts.count))
                .run(texts, shouldStop, refuse)
        case .labels:
            return try TextClassification(trained, batch: WholeTexts.batch(settings.decoding.batch, of: texts.count))
                .run(texts, crops: settings.crops, shouldStop, refuse)
                .map { Array($0.text(all: settings.tellsAllClasses, separator: isOneLine ? "\t" : "\n").utf8) }
        case nil: preconditionFailure("a model that does not read text")
        }
    }

    private func decoded(
        _ texts: [String], _ numbers: [Int], isOneLine: Bool, _ shouldStop: @escaping () -> Bool,
        _ refuse: (Int, String) -> Failure
    ) throws(Failure) -> [[UInt8]] {
        let inputs = try decodingInputs(of: texts, refuse)
        // A decoder goes on after a line's end; the line is what was asked for.
        let stops = StopTexts(settings.stops + (isOneLine && response == .continuation ? ["\n"] : []))
        var observer = Decoding<Float>.Observer()
        observer.shouldStop = shouldStop
        observer.isComplete = { stops.areReached(by: $1, tokenizer) }
        let chosen = try decode(inputs, numbers: numbers, observer: observer)
        return zip(inputs, chosen).map { text($0, $1, stops) }
    }

    /// The tokens that are chosen for each input.
    ///
    /// - Throws: `badData` where the model computes logits that are not finite.
    private func decode(
        _ inputs: [DecodingInput], numbers: [Int], observer: Decoding<Float>.Observer
    ) throws(Failure) -> [[Int32]] {
        do throws(NonFiniteLogits) {
            return try Decoding(trained.model, weights: trained.weights, settings.decoding)
                .run(inputs, numbers: numbers, observer: observer)
        } catch {
            throw trained.nonFinite(output: error.token)
        }
    }

    /// The bytes of the text that a decoded input is part of.
    private func text(_ input: DecodingInput, _ chosen: [Int32], _ stops: StopTexts) -> [UInt8] {
        if let gap = input.gap {
            // Cut at the stop texts by themselves; whether a space stands before it, its neighbours say.
            var filling = chosen
            while !filling.isEmpty, stops.first(in: tokenizer.decode(filling)) != nil { filling.removeLast() }
            var tokens = input.text
            tokens.replaceSubrange(gap.place...gap.place, with: filling)
            return GapText(tokenizer, mask: input.text[gap.place]).decode(tokens)
        }
        var state = DecodingState()
        var (before, after): ([UInt8], [UInt8]) = ([], [])
        if response == .continuation {
            for token in input.text { tokenizer.decode(token, after: &state, appendingTo: &before) }
        }
        for token in chosen { tokenizer.decode(token, after: &state, appendingTo: &after) }
        return before + stops.cut(after)
    }

    /// What the model reads of `text`.
    ///
    /// - Parameter refuse: The failure for a reason.
    private func decodingInput(_ text: String, _ refuse: (String) -> Failure) throws(Failure) -> DecodingInput {
        let special = tokenizer.specialTokens
        func check(_ count: Int, beside others: Int, canCrop: Bool) throws(Failure) {
            guard count + others > contextLength else { return }
            throw refuse(trained.tooLong(count, limit: contextLength - others, canCrop: canCrop))
        }
        switch response {
        case .target:
            let end = try trained.token(special.eos, "eos")
            var tokens = try tokenizer.encode(text)
            if settings.crops || trained.identity.configuration.data.truncate {
                tokens = Array(tokens.prefix(contextLength - 1))
            }
            try check(tokens.count, beside: 1, canCrop: true)
            return DecodingInput(source: tokens + [end], text: [try trained.token(special.bos, "bos")])
        case .filledBlanks:
            let mask = try trained.token(special.mask, "mask")
            var (tokens, gaps) = try GapText(tokenizer, mask: mask).encode(text)
            if gaps.isEmpty {
                gaps = [tokens.count]
                tokens.append(mask)
            }
            try check(tokens.count, beside: 1, canCrop: false)
            return DecodingInput(text: tokens, gap: gaps[0], begin: try trained.token(special.bos, "bos"))
        default:
            let tokens = try tokenizer.encode(text)
            guard !tokens.isEmpty else { throw refuse("has no token. Give at least one character.") }
            if settings.crops { return DecodingInput(text: tokens.suffix(contextLength)) }
            try check(tokens.count, beside: 0, canCrop: true)
            return DecodingInput(text: tokens)
        }
    }
}

extension Generation {
    /// Loads the checkpoint for the calling rank alone, while the others wait for what it has to say.
    ///
    /// - Throws: As `init`.
    package static func onOneRank(_ settings: GenerationSettings) throws(Failure) -> Generation {
        do {
            return try Generation(settings, SoloCommunicator())
        } catch let failure as Failure {
            throw failure
        } catch let agreed as AgreedFailure {
            throw agreed.failure
        } catch {
            throw Failure(.internalError, "\(error)")
        }
    }
}
