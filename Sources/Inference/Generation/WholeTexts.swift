import Failures
import Kernels
import Layers
import Models
import Tensors

/// Batched forward passes over complete texts, for encoders and classifiers.
struct WholeTexts {
    private let trained: TrainedModel
    private let forwardPass: ForwardPass<Float>
    private let batch: Int

    /// The number of texts per pass, for `count` texts and a requested batch size of `wanted`.
    ///
    /// It is 1 unless matrix products are batch-invariant, so that a text's result does not depend on the batch.
    static func batch(_ wanted: Int, of count: Int) -> Int {
        ProductEngine.best.computesRowsAlike ? max(1, min(wanted, count)) : 1
    }

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
    /// - texts: The tokens of each text, at most the context length.
    /// - rows: The output rows of a text whose logits are requested: positions, or 0 for a model that pools.
    /// - body: Receives the index of a text, the index among its requested rows, and the logits.
    /// - Throws: `badData` if a logit is not finite.
    func forEachRow(
        _ texts: [[Int32]], rows: (_ text: Int) -> [Int], shouldStop: () -> Bool,
        _ body: (_ text: Int, _ index: Int, _ logits: UnsafeBufferPointer<Float>) -> Void
    ) throws(Failure) {
        let order = texts.indices.sorted { (texts[$0].count, $0) < (texts[$1].count, $1) }
        let model = trained.model
        for start in stride(from: 0, to: order.count, by: batch) {
            if shouldStop() { return }
            let part = order[start..<min(start + batch, order.count)]
            let positions = part.map { texts[$0].count }.max()!
            let tokens = part.flatMap { texts[$0] + [Int32](repeating: 0, count: positions - texts[$0].count) }
            let lengths = part.map { Int32(texts[$0].count) }
            tokens.withUnsafeBufferPointer { tokens in
                lengths.withUnsafeBufferPointer { lengths in
                    var input = ModelInput(sequences: part.count, positions: positions)
                    input.tokens = TokenInput(tokens: tokens.baseAddress!)
                    input.lengths = lengths.baseAddress!
                    model.forward(
                        input, forwardPass.activations,
                        LayerContext(weights: trained.weights.base, forwardPass.workspace))
                }
            }
            for (place, text) in part.enumerated() {
                let first = model.outputRows(sequences: place, positions: positions)
                for (index, row) in rows(text).enumerated() {
                    let logits = logits(first + row)
                    if let output = firstNonFinite(logits.baseAddress!, count: logits.count) {
                        throw trained.nonFinite(output: output)
                    }
                    body(text, index, logits)
                }
            }
        }
    }

    private func logits(_ row: Int) -> UnsafeBufferPointer<Float> {
        let head = trained.model.head
        let context = LayerContext(weights: trained.weights.base, engine: .vectors, forwardPass.workspace)
        let hidden = head.transformed(forwardPass.activations.output + row * head.inputWidth, rows: 1, context)
        let logits = context.workspace.floats(.logits, head.outputWidth)
        head.output.forward(hidden, into: logits, rows: 1, context)
        return UnsafeBufferPointer(start: logits, count: head.outputWidth)
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
