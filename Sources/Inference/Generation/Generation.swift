import Texts
import Checkpoints
import Collectives
import Conversations
import Failures
import Files
import Models
import Resources
import Settings
import Tokenizers

/// The settings of a generation.
package struct GenerationSettings: Sendable {
    /// The checkpoint's directory.
    package var checkpoint: String
    /// The weights to use; nil: the moving average if there is one.
    package var weights: WeightChoice?
    /// The decoding settings; their end tokens are replaced by the tokenizer's, or by those of an imported model.
    package var decoding = DecodingSettings()
    /// The sampling temperature; nil: 0.8 for a decoder, 0 (greedy) otherwise.
    package var temperature: Double?
    /// The stop sequences: the output ends before the first of them.
    package var stops: [String] = []
    /// Texts that no output contains: a token that would complete one of them is replaced by the next choice.
    package var forbidden: [String] = []
    /// The number of hypotheses of a beam search that are results, the best first (n-best).
    package var best = 1
    /// The form of results.
    package var form = ResultForm()
    /// Whether all classes are printed, not only the most probable one.
    package var tellsAllClasses = false
    /// Whether a prompt that is longer than the context is cropped: to its end for a decoder, to its beginning for an
    /// encoder-decoder or a classifier. A text with blanks is never cropped.
    package var crops = false

    /// The options that the user chose: the others are those that an imported model came with (`ImportedSettings`).
    /// nil: such settings are not used.
    package var chosen: Set<GenerationOption>?

    /// Creates the default settings.
    package init(checkpoint: String) { self.checkpoint = checkpoint }
}

/// Applies a model from a checkpoint to prompts. The kind of response depends on the model family.
///
/// A decoder continues the prompt, an encoder-decoder translates it, a prefix decoder fills its first blank, an encoder
/// puts the most probable token into each blank, and a classifier predicts its classes.
package struct Generation {
    var settings: GenerationSettings
    package let trained: TrainedModel
    let communicator: any Communicator
    /// The encoder of prompts as messages of a user; nil: prompts are plain texts.
    private(set) var conversations: ConversationEncoder?
    /// What the imported model's own settings changed, as one line for the user; nil: nothing.
    package private(set) var importedSettings: String?
    var tokenizer: any Tokenizer { trained.tokenizer }
    var contextLength: Int { trained.model.sizes.contextLength }
    var response: Architecture.Response? { trained.model.architecture.response }

    /// Loads and verifies the checkpoint.
    ///
    /// - Throws: As `TrainedModel`; `badData` if settings of generation that the model was imported with are not valid.
    package init(_ settings: GenerationSettings, _ communicator: any Communicator) throws {
        let trained = try TrainedModel(checkpoint: settings.checkpoint, settings.weights, communicator)
        try communicator.together { () throws(Failure) in
            guard trained.model.architecture.response == nil else { return }
            throw Failure(
                .usage,
                "\(settings.checkpoint) is a model of family \(trained.model.configuration.family.rawValue), which answers no "
                    + "prompt. Look at its vectors with "
                    + "\(shellCommand("dtrain", "embeddings", "--checkpoint", settings.checkpoint, "--near", "WORD")).")
        }
        var (settings, ends, line): (GenerationSettings, [Int32], String?) = (settings, [], nil)
        let response = trained.model.architecture.response
        if let chosen = settings.chosen, let origin = trained.origin,
            response == .continuation || response == .target
        {
            let imported = try communicator.together { () throws(Failure) in
                try ImportedSettings(
                    origin.generation, vocabularySize: trained.model.sizes.vocabularySize,
                    source: "\(settings.checkpoint): the imported settings of generation")
            }
            line = imported.apply(to: &settings, except: chosen, of: trained.model.architecture)
                .map {
                    "\(settings.checkpoint): settings that the model was imported with: \($0). Options override them."
                }
            ends = imported.endTokens
        }
        // Options that the user gave as they would be anyway are the same work.
        settings.chosen = nil
        self.init(settings, trained, communicator)
        importedSettings = line
        if !ends.isEmpty { end(at: ends) }
    }

    /// Creates a generation with a model that is already loaded.
    package init(_ settings: GenerationSettings, _ trained: TrainedModel, _ communicator: any Communicator) {
        self.trained = trained
        self.communicator = communicator
        var settings = settings
        settings.decoding.end(like: trained.tokenizer, forbidding: trained.tokensWithoutText)
        let continues = trained.model.architecture.response == .continuation
        settings.decoding.temperature = settings.temperature ?? (continues && settings.decoding.beams == 1 ? 0.8 : 0)
        settings.decoding.scores = settings.form.hasScores
        self.settings = settings
    }

    /// Ends results at these tokens only.
    private mutating func end(at tokens: [Int32]) {
        settings.decoding.endTokens = tokens
        settings.decoding.forbiddenTokens.removeAll { tokens.contains($0) }
    }

    /// Makes each prompt a message of a user, and ends results where the template ends an answer.
    ///
    /// - Throws: As `ChatTemplate.endOfAnswer`.
    mutating func converse(with template: ChatTemplate) throws(Failure) {
        let encoder = ConversationEncoder(template, tokenizer)
        conversations = encoder
        switch try encoder.endOfAnswer() {
        case .token(let token): if !settings.decoding.endTokens.contains(token) { end(at: [token]) }
        case .text(let text): settings.stops.append(String(decoding: text, as: UTF8.self))
        case nil: break
        }
    }

    // MARK: One prompt

    /// Writes the result for `prompt`, which begins with the prompt for a decoder. A decoder without beam search writes
    /// each token as it is chosen, in whole characters.
    ///
    /// - Parameters:
    ///   - sample: The number of the sample, from 0; each has different random numbers.
    ///   - write: Called with UTF-8 bytes.
    ///   - shouldStop: Called before each token; if true, the text ends there.
    /// - Throws: `usage` if the prompt is empty or too long, if the options do not fit the model, or if there is not
    ///   enough memory.
    package func run(
        prompt: String, sample: Int = 0, output write: ([UInt8]) -> Void, shouldStop: @escaping () -> Bool
    ) throws(Failure) {
        try requireOptions()
        guard !prompt.isEmpty else { throw PromptFile.emptyPrompt }
        var hasBegun = false
        func output(_ text: String) {
            hasBegun = true
            write(Array(text.utf8))
        }
        do throws(Failure) {
            try answer(prompt, sample: sample, read: output, write: output, shouldStop: shouldStop) { reason in
                Failure(.usage, "generate: --prompt \(reason)")
            }
        } catch {
            // The partial output must end its line before the message follows.
            if hasBegun { output("\n") }
            throw error
        }
        output("\n")
    }

    // MARK: Many lines

    /// The results for `lines` in the same order, one line each, or as many as `settings.best` asks for; an empty line
    /// has an empty result. The lines are divided among the ranks.
    ///
    /// - Parameters:
    ///   - range: The indices of the lines to process; nil: all. It does not affect results.
    ///   - numbers: The `PromptNumbers` of the lines; nil: computed here.
    ///   - name: The name of the file, for messages.
    ///   - shouldStop: Called before each token.
    /// - Returns: All results on rank 0, an empty array on other ranks; nil if stopped.
    /// - Throws: `AgreedFailure` with `badData`, naming the first line that is too long.
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
                of: own.map { lines[$0] }, numbers: own.map { numbers[$0] }, isOneLine: settings.form.isOneLine,
                { () -> Bool in
                    stopped = stopped || shouldStop()
                    return stopped
                },
                refuse: { Failure(.badData, "\(name):\(own[$0] + 1): \($1)") })
        }
        if try communicator.maximum(stopped ? 1 : 0) == 1 { return nil }
        // The first character of a line tells whether it begins the results of the next text.
        let rendered = zip(own, texts).flatMap { place, answers in
            answers.enumerated().map { ($0 == 0 ? "1" : "0") + settings.form.line(of: $1, to: lines[place]) }
        }
        let gathered = try communicator.gather(rendered.joined(separator: "\n"))
        if communicator.rank != 0 { return [] }
        var all = range.map { lines[$0].isEmpty ? settings.form.line(of: Answer(text: []), to: "") : "" }
        for (rank, text) in gathered.enumerated() where !text.isEmpty {
            var places = places(ofRank: rank).makeIterator()
            var place = 0
            for line in text.exactParts(at: "\n") {
                let result = String(line.unicodeScalars.dropFirst())
                if line.unicodeScalars.first == "1" {
                    place = places.next()! - range.lowerBound
                    all[place] = result
                } else {
                    all[place] += "\n" + result
                }
            }
        }
        return all
    }

    /// Checks that the model can process each of `lines`, before any of them is processed.
    ///
    /// - Parameters:
    ///   - name: The name of the file, for messages.
    ///   - samples: The number of times that each line will be processed.
    /// - Throws: `AgreedFailure` with `badData`, naming a line that cannot be a prompt; with `usage` if the options do
    ///   not fit the model, or if there is not enough memory.
    package func check(lines: [String], samples: Int = 1, name: String) throws {
        try communicator.together { () throws(Failure) in try requireOptions() }
        let own = stride(from: communicator.rank, to: lines.count, by: communicator.size).filter { !lines[$0].isEmpty }
        let inputs = try communicator.together { () throws(Failure) -> [DecodingInput] in
            try decodingInputs(of: own.map { lines[$0] }) { (place: Int, reason: String) in
                Failure(.badData, "\(name):\(own[place] + 1): \(reason)")
            }
        }
        try communicator.requireMemory(for: "generation", remedy: memoryRemedy) {
            let copies = min(samples, settings.decoding.batch)
            return memory(for: inputs.flatMap { Array(repeating: $0, count: copies) }, texts: own.count * copies)
        }
    }

    /// Throws if options belong to models that generate tokens one after another, and this is another one.
    private func requireOptions() throws(Failure) {
        guard response == .maskedTokens || response == .labels else { return }
        let given: String? =
            settings.best > 1
            ? "--nbest"
            : !settings.forbidden.isEmpty
                ? "--forbid" : settings.form.precedesWithScore ? "--scores" : nil
        guard let given else { return }
        throw Failure(
            .usage,
            "generate: \(given): \(trained.directory) is of the family "
                + "\(trained.configuration.model.family.rawValue), which does not generate token by token. Leave "
                + "the option out.")
    }

    /// The decoder input for each text; empty for encoders and classifiers, whose texts are only checked.
    ///
    /// - Parameter refuse: Returns the error for the text at an index, given the reason.
    func decodingInputs(
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

    /// Estimates the memory that the ranks of this host need in addition to the weights.
    ///
    /// - Parameters:
    ///   - inputs: The decoder inputs of this rank.
    ///   - texts: The number of texts of this rank.
    func memory(for inputs: [DecodingInput], texts: Int) -> MemoryEstimate {
        let ranks = communicator.localSize
        var estimate = MemoryEstimate()
        for part in Decoding(trained.model, weights: trained.weights, settings.decoding).memory(for: inputs) {
            estimate.add(part.name, part.count, bytesEach: part.bytes, times: ranks)
        }
        if response == .maskedTokens || response == .labels, texts > 0 {
            estimate.addActivations(
                trained.model, sequences: WholeTexts.batch(settings.decoding.batch, of: texts), ranks: ranks)
        }
        return estimate
    }

    /// Advice if there is not enough memory.
    var memoryRemedy: String {
        let beams = settings.decoding.beams > 1 ? "--beam (\(settings.decoding.beams)), " : ""
        return "Lower \(beams)--batch (\(settings.decoding.batch); it does not change results) or --tokens "
            + "(\(settings.decoding.tokens))."
    }

    /// A digest of everything that the results of `lines` depend on.
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

    /// The decoder input for `text`.
    ///
    /// - Parameter refuse: Returns the error, given the reason.
    private func decodingInput(_ text: String, _ refuse: (String) -> Failure) throws(Failure) -> DecodingInput {
        func check(_ count: Int, beside others: Int, canCrop: Bool) throws(Failure) {
            guard count + others > contextLength else { return }
            throw refuse(trained.tooLong(count, limit: contextLength - others, canCrop: canCrop))
        }
        switch response {
        case .target:
            var tokens = try tokenizer.encode(text)
            if settings.crops || trained.configuration.data.truncate {
                tokens = Array(tokens.prefix(contextLength - 1))
            }
            try check(tokens.count, beside: 1, canCrop: true)
            return try DecodingInput(translating: tokens, tokenizer, of: trained.directory)
        case .filledBlanks:
            let input = try DecodingInput(filling: text, tokenizer, of: trained.directory)
            try check(input.text.count, beside: 1, canCrop: false)
            return input
        default:
            let tokens: [Int32]
            if let conversations {
                tokens = try conversations.prompt([ChatMessage(.user, Array(text.utf8))], place: "The prompt")
            } else {
                tokens = try tokenizer.encode(text)
            }
            guard !tokens.isEmpty else { throw refuse("has no token. Give at least one character.") }
            if settings.crops { return DecodingInput(text: tokens.suffix(contextLength)) }
            try check(tokens.count, beside: 0, canCrop: true)
            return DecodingInput(text: tokens)
        }
    }
}

extension Generation {
    /// Loads the checkpoint on the calling rank only; the other ranks wait.
    ///
    /// - Throws: As `init`.
    package static func onOneRank(_ settings: GenerationSettings) throws(Failure) -> Generation {
        try SoloCommunicator.run { try Generation(settings, $0) }
    }
}
