import Failures
import Layers
import Models
import Tensors

/// Batched forward passes over complete texts, for encoders, classifiers and embeddings.
struct WholeTexts {
    private let trained: TrainedModel
    private let forwardPass: ForwardPass<Float>
    private let batch: Int

    /// The number of texts per pass, for `count` texts and a requested batch size of `wanted`. A text's result does not
    /// depend on it.
    static func batch(_ wanted: Int, of count: Int) -> Int { max(1, min(wanted, count)) }

    /// Creates passes over up to `batch` texts at once; see `batch(_:of:)`.
    init(_ trained: TrainedModel, batch: Int) {
        self.trained = trained
        self.batch = batch
        forwardPass = ForwardPass(
            trained.model, trained.identity.configuration.loss, weights: trained.weights, sequences: self.batch)
    }

    /// Calls `body` with the logits of the requested rows, text by text.
    ///
    /// - Parameters:
    ///   - texts: The tokens of each text, at most the context length.
    ///   - rows: The output rows of a text whose logits are requested: positions, or 0 for a model that pools.
    ///   - body: Receives the index of a text, the index among its requested rows, and the logits.
    /// - Throws: `badData` if a logit is not finite.
    func forEachRow(
        _ texts: [[Int32]], rows: (_ text: Int) -> [Int], shouldStop: () -> Bool,
        _ body: (_ text: Int, _ index: Int, _ logits: UnsafeBufferPointer<Float>) -> Void
    ) throws(Failure) {
        try forEachText(texts, shouldStop: shouldStop) { text, place, positions throws(Failure) in
            let first = trained.model.outputRows(sequences: place, positions: positions)
            for (index, row) in rows(text).enumerated() {
                body(text, index, try forwardPass.logits(ofRow: first + row, trained.directory))
            }
        }
    }

    /// Calls `body` with the hidden states of each text.
    ///
    /// - Parameters:
    ///   - texts: The tokens of each text, at most the context length; for an encoder-decoder, the tokens of a source.
    ///   - begin: The token that begins a target, for an encoder-decoder.
    ///   - body: Receives the index of a text and its hidden states, [T, C]: the encoder's output if there is one,
    ///     otherwise the input of the prediction head, which is a single row in a model that pools.
    /// - Throws: `badData` if a hidden state is not finite.
    func forEachHidden(
        _ texts: [[Int32]], begin: Int32?, shouldStop: () -> Bool,
        _ body: (_ text: Int, _ hidden: UnsafeBufferPointer<Float>) -> Void
    ) throws(Failure) {
        let model = trained.model
        let width = model.configuration.width
        let isPooled = model.outputRows(sequences: 1, positions: 2) == 1
        let output = forwardPass.activations.encoderOutput ?? forwardPass.activations.output
        try forEachText(texts, begin: begin, shouldStop: shouldStop) { text, place, positions throws(Failure) in
            let (first, count) = isPooled ? (place, 1) : (place * positions, texts[text].count)
            let hidden = UnsafeBufferPointer(start: output + first * width, count: count * width)
            guard firstNonFinite(hidden.baseAddress!, count: hidden.count) == nil else {
                throw trained.nonFiniteState()
            }
            body(text, hidden)
        }
    }

    /// Computes each of `texts`, and calls `body` with the text's index, its index in the batch, and the positions of
    /// each text of the batch.
    private func forEachText(
        _ texts: [[Int32]], begin: Int32? = nil, shouldStop: () -> Bool,
        _ body: (_ text: Int, _ place: Int, _ positions: Int) throws(Failure) -> Void
    ) throws(Failure) {
        let order = texts.indices.sorted { (texts[$0].count, $0) < (texts[$1].count, $1) }
        for start in stride(from: 0, to: order.count, by: batch) {
            if shouldStop() { return }
            let part = order[start..<min(start + batch, order.count)]
            let positions = part.map { texts[$0].count }.max()!
            forward(part.map { texts[$0] }, begin: begin)
            for (place, text) in part.enumerated() { try body(text, place, positions) }
        }
    }

    /// Computes a batch of texts, padded to the longest; for an encoder-decoder, `begin` begins the target.
    private func forward(_ texts: [[Int32]], begin: Int32?) {
        let hasEncoder = trained.model.architecture.hasEncoder
        let batch = TokenBatch(
            texts.map { hasEncoder ? PromptTokens(source: $0, tokens: [begin ?? 0]) : PromptTokens(tokens: $0) },
            trained.model.architecture)
        withExtendedLifetime(batch) { forwardPass.forward(batch.input) }
    }
}

/// Fills every blank of a text with the most probable token, by an encoder that was trained on masked tokens.
struct FilledGaps {
    private let trained: TrainedModel
    private let passes: WholeTexts

    init(_ trained: TrainedModel, batch: Int) {
        self.trained = trained
        passes = WholeTexts(trained, batch: batch)
    }

    /// The texts with their blanks filled. All blanks of a text are filled at once, independently of each other.
    ///
    /// - Parameter refuse: Returns the error for the text at an index, given the reason.
    func run(
        _ texts: [String], _ shouldStop: () -> Bool, _ refuse: (Int, String) -> Failure
    ) throws(Failure) -> [[UInt8]] {
        let encoded = try FilledGaps.inputs(trained, texts, refuse)
        let tokenizer = trained.tokenizer
        let gapText = GapText(tokenizer, mask: try trained.token(tokenizer.specialTokens.mask, "mask"))
        let forbidden = Set(trained.tokensWithoutText.map(Int.init))
        let (inputs, texts) = (encoded, encoded.map(\.tokens))
        var filled = texts
        try passes.forEachRow(texts, rows: { inputs[$0].gaps }, shouldStop: shouldStop) { text, index, logits in
            let best = logits.indices.lazy.filter { !forbidden.contains($0) }
                .max { logits[$0] < logits[$1] || (logits[$0] == logits[$1] && $0 > $1) }
            if let best { filled[text][inputs[text].gaps[index]] = Int32(best) }
        }
        return filled.map(gapText.decode)
    }

    /// The tokens of each text, and the positions of its blanks.
    ///
    /// - Parameter refuse: Returns the error for the text at an index, given the reason.
    static func inputs(
        _ trained: TrainedModel, _ texts: [String], _ refuse: (Int, String) -> Failure
    ) throws(Failure) -> [(tokens: [Int32], gaps: [Int])] {
        let mask = try trained.token(trained.tokenizer.specialTokens.mask, "mask")
        let gapText = GapText(trained.tokenizer, mask: mask)
        let context = trained.model.sizes.contextLength
        var encoded: [(tokens: [Int32], gaps: [Int])] = []
        for (place, text) in texts.enumerated() {
            let (tokens, gaps) = try gapText.encode(text)
            guard !gaps.isEmpty else {
                throw refuse(place, "has no \(GapText.mark) to fill. Write it where a token is to be predicted.")
            }
            guard tokens.count <= context else {
                throw refuse(place, trained.tooLong(tokens.count, limit: context, canCrop: false))
            }
            encoded.append((tokens, gaps))
        }
        return encoded
    }
}
