import Failures

/// Predictions of a text classifier.
struct TextClassification {
    private let trained: TrainedModel
    private let passes: WholeTexts

    init(_ trained: TrainedModel, batch: Int) {
        self.trained = trained
        passes = WholeTexts(trained, batch: batch)
    }

    /// Predicts the classes of each text.
    ///
    /// - Parameters:
    ///   - crops: Whether a text that is too long is cropped to its beginning.
    ///   - refuse: Returns the error for the text at an index, given the reason.
    func run(
        _ texts: [String], crops: Bool, _ shouldStop: () -> Bool, _ refuse: (Int, String) -> Failure
    ) throws(Failure) -> [LabelPrediction] {
        let inputs = try TextClassification.inputs(trained, texts, crops: crops, refuse)
        var predictions = [LabelPrediction](repeating: .number(0), count: texts.count)
        try passes.forEachRow(inputs, rows: { _ in [0] }, shouldStop: shouldStop) { text, _, logits in
            predictions[text] = LabelPrediction(logits, trained.configuration, trained.facts)
        }
        return predictions
    }

    /// The tokens of each text.
    ///
    /// - Parameters:
    ///   - crops: Whether a text that is too long is cropped to its beginning.
    ///   - refuse: Returns the error for the text at an index, given the reason.
    static func inputs(
        _ trained: TrainedModel, _ texts: [String], crops: Bool, _ refuse: (Int, String) -> Failure
    ) throws(Failure) -> [[Int32]] {
        let first = try trained.token(trained.tokenizer.specialTokens.cls, "cls")
        let context = trained.model.sizes.contextLength
        var inputs: [[Int32]] = []
        for (place, text) in texts.enumerated() {
            var tokens = try trained.tokenizer.encode(text)
            if crops || trained.configuration.data.truncate { tokens = Array(tokens.prefix(context - 1)) }
            guard tokens.count < context else {
                throw refuse(place, trained.tooLong(tokens.count, limit: context - 1, canCrop: true))
            }
            inputs.append([first] + tokens)
        }
        return inputs
    }
}
