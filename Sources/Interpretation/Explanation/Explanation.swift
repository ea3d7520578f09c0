import Failures
import Inference
import Models
import Objectives
import Resources
import Texts
import Tokenizers

/// Why a model predicts what it does for a prompt: how much each input token contributes, and what each layer would
/// have predicted.
///
/// The quantity that is explained is the log-probability of a class or a token, the logit of a label, or the predicted
/// number.
package struct Explanation: Sendable {
    /// An input token and its influence.
    package struct Influence: Sendable {
        package let token: String
        /// Whether the token belongs to the source of an encoder-decoder.
        package let isSource: Bool
        /// Its attribution by integrated gradients.
        package let attribution: Double
        /// How much the quantity falls if the token is left out; nil for a token that the model always reads.
        package let omission: Double?
    }

    package let prompt: String
    /// The name of the class, label or token that is explained; nil for a number.
    package let output: String?
    /// Its probability, or the predicted number.
    package let probability: Double
    /// The quantity for the prompt, and for the baseline, whose tokens are replaced by one without meaning.
    package let value: Double
    package let baselineValue: Double
    /// The name of the token that replaces the others in the baseline.
    package let baseline: String
    /// The sum of the attributions minus the difference of both quantities: 0 but for the error of the integral.
    package let gap: Double
    package let influences: [Influence]
    package let lens: LogitLens
}

/// Explains predictions of a model.
package struct Explainer {
    private let generation: Generation
    private let names: TokenNames
    private let pass: InspectionPass
    private let steps: Int
    /// The most positions of a prompt.
    private let limit: Int
    private var trained: TrainedModel { generation.trained }

    /// The most sequences that are computed at once.
    private static let batch = 16

    /// Prepares explanations by the model of `generation`.
    ///
    /// - Parameters:
    ///   - steps: The maximum number of points of each integral.
    ///   - positions: The most tokens of a prompt with its target; nil: the context length.
    /// - Throws: `usage` if there is not enough memory.
    package init(_ generation: Generation, steps: Int, positions: Int? = nil) throws(Failure) {
        self.generation = generation
        self.steps = steps
        let trained = generation.trained
        let sequences = Explainer.batch
        limit = min(positions ?? .max, trained.model.sizes.contextLength)
        var estimate = MemoryEstimate()
        estimate.addActivations(trained.model, sequences: sequences, SequenceLengths(limit), .none, ranks: 1)
        try estimate.require(
            "an explanation", available: MemoryEstimate.availableBytes(), remedy: "Use a larger host.")
        names = TokenNames(trained.tokenizer)
        let pools = trained.model.architecture.output == .sequence
        pass = InspectionPass(trained, sequences: sequences, positions: limit) { read in
            pools ? 0 : read.masked.first ?? read.tokens.count - 1
        }
    }

    /// Explains the prediction for `prompt`: the class, the token in the first blank, or the next token.
    ///
    /// - Parameters:
    ///   - target: The text after the prompt, or the beginning of its translation, whose next token is explained.
    ///   - output: The class, label or token to explain; nil: the most probable one.
    ///   - shouldStop: Called before a part of the line is divided; if true, the integral stays as it is.
    ///   - refuse: Returns the error for the prompt, given the reason.
    /// - Throws: The error of `refuse` if the prompt cannot be read or has no blank; `usage` if `output` is unknown;
    ///   `badData` if a prediction is not finite.
    package func explain(
        _ prompt: String, target: String?, output wanted: String?, unless shouldStop: () -> Bool = { false },
        refuse: (_ reason: String) -> Failure
    ) throws(Failure) -> Explanation {
        guard !prompt.isEmpty else { throw refuse("is empty. Give at least one character.") }
        let read = try generation.promptTokens(prompt, target: target, refuse: refuse)
        if trained.model.architecture.response == .maskedTokens, read.masked.isEmpty {
            throw refuse("has no [MASK] whose token could be explained. Write it where a token is to be predicted.")
        }
        let count = max(read.source.count, read.tokens.count)
        guard count <= limit else { throw refuse("has \(count) tokens; the limit is \(limit). Shorten it.") }
        let lens = pass.logitsByLayer(of: read)
        if let index = lens[lens.count - 1].firstIndex(where: { !$0.isFinite }) {
            throw trained.nonFinite(output: index)
        }
        let explained = try explainedOutput(lens[lens.count - 1], wanted)
        let free = freePlaces(read)
        let blank = baselineToken
        var baseline = read
        for place in free.source { baseline.source[place] = blank }
        for place in free.own { baseline.tokens[place] = blank }
        let gradients = IntegratedGradients(
            pass, read, baseline: baseline, explained, steps: steps, unless: shouldStop)
        let omissions = omissions(read, free, explained, value: gradients.value)
        func influence(_ token: Int32, _ place: Int, isSource: Bool) -> Explanation.Influence {
            Explanation.Influence(
                token: names[token], isSource: isSource,
                attribution: isSource ? gradients.source[place] : gradients.own[place],
                omission: (isSource ? omissions.source : omissions.own)[place])
        }
        return Explanation(
            prompt: prompt, output: explained.kind == .numbers ? nil : name(of: explained.output),
            probability: explained.probability(lens[lens.count - 1], of: explained.output), value: gradients.value,
            baselineValue: gradients.baselineValue, baseline: names[blank], gap: gradients.gap,
            influences: read.source.enumerated().map { influence($1, $0, isSource: true) }
                + read.tokens.enumerated().map { influence($1, $0, isSource: false) },
            lens: LogitLens(lens, explained, name: name(of:)))
    }

    // MARK: Outputs

    private var kind: Loss.TargetKind { trained.configuration.loss.targetKind }

    /// The name of a class, label or token.
    private func name(of output: Int) -> String {
        guard trained.model.architecture.output == .sequence else { return names[Int32(output)] }
        let labels = trained.facts.labels?.names ?? []
        return output < labels.count ? labels[output] : "\(output)"
    }

    /// The output that `wanted` names; nil: the most probable one.
    private func explainedOutput(_ logits: [Float], _ wanted: String?) throws(Failure) -> ExplainedOutput {
        let isToken = trained.model.architecture.output == .tokens
        let classes = isToken ? trained.model.sizes.tokenCount : logits.count
        func explained(_ output: Int) -> ExplainedOutput {
            ExplainedOutput(kind: kind, output: output, classes: classes)
        }
        guard let wanted else {
            return explained(logits.prefix(classes).indices.max { (logits[$0], $1) < (logits[$1], $0) } ?? 0)
        }
        guard kind != .numbers else {
            throw Failure(.usage, "explain: --class: the model predicts a number. Omit the option.")
        }
        let all = 0..<classes
        if let output = all.first(where: { name(of: $0).exact == wanted.exact })
            ?? (isToken ? all.first { name(of: $0).exact == "▁\(wanted)".exact } : nil)
        {
            return explained(output)
        }
        let known = all.map(name(of:))
        let close = nearestSpelling(to: wanted, among: known).map { " Did you mean \($0)?" } ?? ""
        throw Failure(
            .usage,
            "explain: --class: \(trained.directory) cannot predict \(wanted)."
                + (isToken
                    ? "\(close) Allowed: a token of its vocabulary." : " Allowed: \(known.joined(separator: ", "))."))
    }

    // MARK: Inputs

    /// The places of tokens that can be replaced or left out: not the special ones that the model always reads.
    private func freePlaces(_ read: PromptTokens) -> (source: [Int], own: [Int]) {
        let special = Set(trained.tokenizer.specialTokens.all)
        return (
            read.source.indices.filter { !special.contains(read.source[$0]) },
            read.tokens.indices.filter { !special.contains(read.tokens[$0]) }
        )
    }

    /// The token of the baseline: `mask`, whose embedding stands for a missing token, or without one `unknown`, or the
    /// first token of a space.
    private var baselineToken: Int32 {
        let special = trained.tokenizer.specialTokens
        return special.mask ?? special.unknown ?? (try? trained.tokenizer.encode(" "))?.first ?? 0
    }

    /// How much the quantity falls if each of the free tokens is left out; nil for other tokens.
    private func omissions(
        _ read: PromptTokens, _ free: (source: [Int], own: [Int]), _ explained: ExplainedOutput, value: Double
    ) -> (source: [Double?], own: [Double?]) {
        var (source, own) = (
            [Double?](repeating: nil, count: read.source.count), [Double?](repeating: nil, count: read.tokens.count)
        )
        // A model cannot read an empty sequence.
        let places =
            (read.source.count > 1 ? free.source.map { (isSource: true, place: $0) } : [])
            + (read.tokens.count > 1 ? free.own.map { (isSource: false, place: $0) } : [])
        for first in stride(from: 0, to: places.count, by: pass.sequences) {
            let part = places[first..<min(first + pass.sequences, places.count)]
            let values = pass.values(of: part.map { read.omitting($0.place, ofSource: $0.isSource) }, explained)
            for (place, rest) in zip(part, values) {
                if place.isSource { source[place.place] = value - rest } else { own[place.place] = value - rest }
            }
        }
        return (source, own)
    }
}

extension PromptTokens {
    /// The sequence without the token at `place`.
    fileprivate func omitting(_ place: Int, ofSource isSource: Bool) -> PromptTokens {
        var rest = self
        if isSource {
            rest.source.remove(at: place)
            return rest
        }
        rest.tokens.remove(at: place)
        rest.masked = masked.map { $0 > place ? $0 - 1 : $0 }
        if let gap, place < gap.prefix {
            rest.gap = (place: gap.place > place ? gap.place - 1 : gap.place, prefix: gap.prefix - 1)
        }
        return rest
    }
}
