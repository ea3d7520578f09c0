import Failures
import Inference
import Layers
import Resources

/// The attention of a model while it reads one prompt: the probabilities of every layer and head.
package struct PromptAttention: Sendable {
    /// The kind of attention of a part of a model.
    package enum Kind: String, Sendable {
        /// The self-attention of an encoder-decoder's encoder.
        case encoder
        /// Self-attention.
        case own = "self"
        /// The cross-attention of a decoder to its encoder's output.
        case cross
        /// The self-attention of a prefix decoder, bidirectional within the prefix.
        case prefix
    }

    /// The attention sublayers of one kind.
    package struct Part: Sendable {
        package let kind: Kind
        /// The tokens that attend, one per row of a map.
        package let queries: [String]
        /// The tokens that are attended to, one per column.
        package let keys: [String]
        /// The map of each layer, the first layer first.
        package let layers: [AttentionMap]

        /// The attention through all layers of a stack, [T, T]; nil for cross-attention.
        package var rollout: [Float]? { kind == .cross ? nil : attentionRollout(layers) }
    }

    /// The checkpoint's directory.
    package let checkpoint: String
    package let prompt: String
    /// The target as the model read it; nil: none.
    package let target: String?
    package let parts: [Part]
    /// The source word of each target token; nil without cross-attention, or without a target.
    package let alignment: Alignment?
}

extension PromptAttention {
    /// Computes the attention of the model of `generation` for `prompt`.
    ///
    /// - Parameter target: The text after the prompt, or the translation; nil: the translation that the model
    ///   generates, for an encoder-decoder, and otherwise none.
    /// - Throws: `usage` if the prompt or the target does not fit into the context, or if there is not enough memory;
    ///   `badData` if an activation is not finite.
    package init(_ generation: Generation, prompt: String, target: String?) throws(Failure) {
        let trained = generation.trained
        func refuse(_ reason: String) -> Failure { Failure(.usage, "attention: --prompt \(reason)") }
        guard !prompt.isEmpty else { throw refuse("is empty. Give at least one character.") }
        var target = target
        if target == nil, trained.model.architecture.hasEncoder {
            target = try generation.answers(to: [prompt], shouldStop: { false }) { refuse($1) }[0]
        }
        let read = try generation.promptTokens(prompt, target: target, refuse: refuse)
        let positions = max(read.source.count, read.tokens.count)
        try MemoryEstimate.requireBatch("attention", trained.model, sequences: 1, positions: positions, .none)
        let forwardPass = ForwardPass(
            trained.model, trained.configuration.loss, weights: trained.weights, sequences: 1,
            positions: positions, .none)
        let batch = TokenBatch([read], trained.model.architecture)
        let maps = withExtendedLifetime(batch) {
            forwardPass.forward(batch.input)
            return forwardPass.attentionMaps(batch.input)
        }
        for map in maps.encoder + maps.own + maps.cross where !map.probabilities.allSatisfy(\.isFinite) {
            throw trained.nonFiniteState()
        }
        let names = TokenNames(trained.tokenizer)
        let (source, tokens) = (read.source.map { names[$0] }, read.tokens.map { names[$0] })
        var parts: [Part] = []
        if !maps.encoder.isEmpty {
            parts.append(Part(kind: .encoder, queries: source, keys: source, layers: maps.encoder))
        }
        let kind: Kind = trained.model.architecture.hasPrefixes ? .prefix : .own
        parts.append(Part(kind: kind, queries: tokens, keys: tokens, layers: maps.own))
        if !maps.cross.isEmpty { parts.append(Part(kind: .cross, queries: tokens, keys: source, layers: maps.cross)) }
        self.init(
            checkpoint: trained.directory, prompt: prompt, target: target, parts: parts,
            alignment: maps.cross.isEmpty || tokens.count < 2 || source.count < 2
                ? nil : Alignment(maps.cross, targets: Array(tokens.dropFirst()), sources: Array(source.dropLast())))
    }
}
