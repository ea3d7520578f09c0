import Failures
import Models
import Tensors
import Tokenizers

// B sequences, T positions, S source positions.

/// One sequence as a model reads it.
package struct PromptTokens: Equatable, Sendable {
    /// The tokens of the encoder's input; empty without an encoder.
    package var source: [Int32] = []
    /// The tokens of the model's own input, at least one.
    package var tokens: [Int32]
    /// The length of the prefix and the position of the blank that the tokens after it fill, for a prefix decoder.
    package var gap: (place: Int, prefix: Int)?
    /// The positions of masked tokens, for an encoder.
    package var masked: [Int] = []

    /// A sequence of tokens.
    package init(source: [Int32] = [], tokens: [Int32], gap: (place: Int, prefix: Int)? = nil) {
        self.source = source
        self.tokens = tokens
        self.gap = gap
    }

    package static func == (a: PromptTokens, b: PromptTokens) -> Bool {
        a.source == b.source && a.tokens == b.tokens && a.gap?.place == b.gap?.place && a.gap?.prefix == b.gap?.prefix
            && a.masked == b.masked
    }
}

extension Generation {
    /// The tokens that the model reads for `prompt`, followed by those of `target`: the continuation, the translation
    /// or the filling of the first blank.
    ///
    /// - Parameters:
    ///   - target: nil: only the token that begins a target, if the model has one.
    ///   - refuse: Returns the error, given the reason.
    /// - Throws: The error of `refuse` if the tokens are too many for the context, or if an encoder or a classifier is
    ///   given a target.
    package func promptTokens(
        _ prompt: String, target: String?, refuse: (_ reason: String) -> Failure
    ) throws(Failure) -> PromptTokens {
        var read: PromptTokens
        switch response {
        case .labels: read = PromptTokens(tokens: try decodingInputTokens(prompt, refuse))
        case .maskedTokens:
            let mask = try trained.token(tokenizer.specialTokens.mask, "mask")
            let (tokens, gaps) = try GapText(tokenizer, mask: mask).encode(prompt)
            guard !tokens.isEmpty else { throw refuse("has no token. Give at least one character.") }
            read = PromptTokens(tokens: tokens)
            read.masked = gaps
        default:
            let input = try decodingInputs(of: [prompt]) { refuse($1) }[0]
            read = PromptTokens(source: input.source, tokens: input.text)
            if let gap = input.gap {
                read.gap = (gap.place, input.text.count)
                read.tokens.append(gap.begin)
            }
        }
        if let target {
            guard response != .labels, response != .maskedTokens else {
                throw refuse("cannot have a target: a model of this family predicts no text. Omit --target.")
            }
            read.tokens += try tokenizer.encode(target)
        }
        guard read.tokens.count <= contextLength else {
            throw refuse(trained.tooLong(read.tokens.count, limit: contextLength, canCrop: false))
        }
        return read
    }

    private func decodingInputTokens(_ prompt: String, _ refuse: (String) -> Failure) throws(Failure) -> [Int32] {
        try TextClassification.inputs(trained, [prompt], crops: settings.crops) { refuse($1) }[0]
    }
}

/// Sequences as the input of a forward pass, padded to the longest.
package final class TokenBatch {
    /// Valid while the batch exists.
    package let input: ModelInput
    private let memory: Arena<Int32>

    /// A batch of `sequences`, at least one, for a model of `architecture`.
    package init(_ sequences: [PromptTokens], _ architecture: Architecture) {
        let (B, T) = (sequences.count, sequences.map(\.tokens.count).max()!)
        let S = sequences.map(\.source.count).max()!
        let memory = Arena<Int32>(count: 3 * B + 3 * B * T + B * S)
        self.memory = memory
        var next = memory.base
        func take(_ count: Int) -> UnsafeMutablePointer<Int32> {
            defer { next += count }
            return next
        }
        let (lengths, prefixLengths, sourceLengths) = (take(B), take(B), take(B))
        let (tokens, positionIDs, spanPositionIDs, source) = (take(B * T), take(B * T), take(B * T), take(B * S))
        for (b, sequence) in sequences.enumerated() {
            lengths[b] = Int32(sequence.tokens.count)
            sourceLengths[b] = Int32(sequence.source.count)
            let prefix = sequence.gap?.prefix ?? sequence.tokens.count
            prefixLengths[b] = Int32(prefix)
            for (t, token) in sequence.tokens.enumerated() {
                tokens[b * T + t] = token
                positionIDs[b * T + t] = Int32(t < prefix ? t : sequence.gap!.place)
                spanPositionIDs[b * T + t] = Int32(t < prefix ? 0 : t - prefix + 1)
            }
            for (s, token) in sequence.source.enumerated() { source[b * S + s] = token }
        }
        var input = ModelInput(sequences: B, positions: T)
        input.lengths = UnsafePointer(lengths)
        if architecture.hasPrefixes {
            input.prefixLengths = UnsafePointer(prefixLengths)
            input.tokens = TokenInput(tokens: tokens, positionIDs: positionIDs, spanPositionIDs: spanPositionIDs)
        } else {
            input.tokens = TokenInput(tokens: tokens)
        }
        if architecture.hasEncoder {
            input.source = SourceInput(tokens: source, positions: S, lengths: sourceLengths)
        }
        self.input = input
    }
}
