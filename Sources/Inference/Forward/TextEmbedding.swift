import Failures
import Models
import Resources

/// Vectors of texts: the hidden states of a model, reduced to one row of C numbers.
package struct TextEmbedding {
    /// The reduction of a text's hidden states to one row; a model that pools always uses its own pooling.
    package enum Pooling: Sendable {
        /// The mean over all positions.
        case mean
        /// The hidden state of the first position.
        case first
        /// The hidden state of the last position.
        case last
    }

    private let trained: TrainedModel
    private let batch: Int

    /// Creates embeddings by `trained`, for up to `batch` texts at once; `batch` changes no result.
    package init(_ trained: TrainedModel, batch: Int) {
        self.trained = trained
        self.batch = batch
    }

    /// The vector of each text, [C].
    ///
    /// - Parameters:
    ///   - crops: Whether a text that is too long is cropped: to its end for a decoder, otherwise to its beginning.
    ///   - refuse: Returns the error for the text at an index, given the reason.
    /// - Throws: The error of `refuse` if a text has no token or is too long; `usage` if there is not enough memory;
    ///   `badData` if a hidden state is not finite.
    package func run(
        _ texts: [String], _ pooling: Pooling, crops: Bool, shouldStop: () -> Bool,
        refuse: (Int, _ reason: String) -> Failure
    ) throws(Failure) -> [[Float]] {
        let model = trained.model
        let inputs = try inputs(texts, crops: crops, refuse)
        let batch = WholeTexts.batch(batch, of: texts.count)
        try MemoryEstimate.requireBatch("embedding", model, sequences: batch)
        let begin = model.architecture.hasEncoder ? try trained.token(trained.tokenizer.specialTokens.bos, "bos") : nil
        var vectors = [[Float]](repeating: [], count: texts.count)
        try WholeTexts(trained, batch: batch).forEachHidden(inputs, begin: begin, shouldStop: shouldStop) {
            vectors[$0] = TextEmbedding.pooled($1, width: model.configuration.width, pooling)
        }
        return vectors
    }

    /// The tokens of each text, as in training; for an encoder-decoder, the text is a source.
    private func inputs(
        _ texts: [String], crops: Bool, _ refuse: (Int, String) -> Failure
    ) throws(Failure) -> [[Int32]] {
        let (response, tokenizer) = (trained.model.architecture.response, trained.tokenizer)
        if response == .labels { return try TextClassification.inputs(trained, texts, crops: crops, refuse) }
        let end = response == .target ? [try trained.token(tokenizer.specialTokens.eos, "eos")] : []
        let limit = trained.model.sizes.contextLength - end.count
        var inputs: [[Int32]] = []
        for (place, text) in texts.enumerated() {
            var tokens = try tokenizer.encode(text)
            guard !tokens.isEmpty else { throw refuse(place, "has no token. Give at least one character.") }
            if crops { tokens = Array(response == .continuation ? tokens.suffix(limit) : tokens.prefix(limit)) }
            guard tokens.count <= limit else {
                throw refuse(place, trained.tooLong(tokens.count, limit: limit, canCrop: true))
            }
            inputs.append(tokens + end)
        }
        return inputs
    }

    /// Reduces `hidden`, [T, C], to [C]; sums are taken in Float64, in order.
    static func pooled(_ hidden: UnsafeBufferPointer<Float>, width: Int, _ pooling: Pooling) -> [Float] {
        switch pooling {
        case .first: return Array(hidden.prefix(width))
        case .last: return Array(hidden.suffix(width))
        case .mean:
            var sums = [Double](repeating: 0, count: width)
            for (index, value) in hidden.enumerated() { sums[index % width] += Double(value) }
            let count = Double(hidden.count / width)
            return sums.map { Float($0 / count) }
        }
    }
}
