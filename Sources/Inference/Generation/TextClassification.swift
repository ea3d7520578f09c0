import Failures
import Glibc
import Objectives
import Reporting

/// Predictions of a text classifier.
struct TextClassification {
    private let trained: TrainedModel
    private let passes: WholeTexts

    init(_ trained: TrainedModel, batch: Int) {
        self.trained = trained
        passes = WholeTexts(trained, batch: batch)
    }

    /// The prediction for a text.
    enum Prediction: Equatable {
        /// Every class and its probability, most probable first; the probabilities sum to 1.
        case classes([(label: String, probability: Double)])
        /// Every label and its independent probability, most probable first.
        case labels([(label: String, probability: Double)])
        /// A number (regression).
        case number(Double)

        static func == (a: Prediction, b: Prediction) -> Bool {
            a.text(all: true, separator: "\n") == b.text(all: true, separator: "\n")
        }

        /// The prediction as text: labels and probabilities, or a number.
        ///
        /// - Parameter all: Whether to include all; otherwise only the most probable class, or the labels with a
        ///   probability above 0.5.
        func text(all: Bool, separator: String) -> String {
            func lines(_ ranked: some Sequence<(label: String, probability: Double)>) -> String {
                ranked.map { "\($0.label)\t\(fixed($0.probability, 4))" }.joined(separator: separator)
            }
            switch self {
            case .classes(let ranked): return lines(ranked.prefix(all ? ranked.count : 1))
            case .labels(let ranked): return lines(ranked.filter { all || $0.probability > 0.5 })
            case .number(let number): return fixed(number, 4)
            }
        }
    }

    /// Predicts the classes of each text.
    ///
    /// - Parameters:
    /// - crops: Whether a text that is too long is cropped to its beginning.
    /// - refuse: Returns the error for the text at an index, given the reason.
    func run(
        _ texts: [String], crops: Bool, _ shouldStop: () -> Bool, _ refuse: (Int, String) -> Failure
    ) throws(Failure) -> [Prediction] {
        let inputs = try TextClassification.inputs(trained, texts, crops: crops, refuse)
        var predictions = [Prediction](repeating: .number(0), count: texts.count)
        let (names, kind) = (
            trained.identity.facts.labels?.names ?? [], trained.identity.configuration.loss.targetKind
        )
        try passes.forEachRow(inputs, rows: { _ in [0] }, shouldStop: shouldStop) { text, _, logits in
            predictions[text] = TextClassification.prediction(logits, names, kind)
        }
        return predictions
    }

    /// The tokens of each text.
    ///
    /// - Parameters:
    /// - crops: Whether a text that is too long is cropped to its beginning.
    /// - refuse: Returns the error for the text at an index, given the reason.
    static func inputs(
        _ trained: TrainedModel, _ texts: [String], crops: Bool, _ refuse: (Int, String) -> Failure
    ) throws(Failure) -> [[Int32]] {
        let first = try trained.token(trained.tokenizer.specialTokens.cls, "cls")
        let context = trained.model.sizes.contextLength
        var inputs: [[Int32]] = []
        for (place, text) in texts.enumerated() {
            var tokens = try trained.tokenizer.encode(text)
            if crops || trained.identity.configuration.data.truncate { tokens = Array(tokens.prefix(context - 1)) }
            guard tokens.count < context else {
                throw refuse(place, trained.tooLong(tokens.count, limit: context - 1, canCrop: true))
            }
            inputs.append([first] + tokens)
        }
        return inputs
    }

    /// The prediction according to `logits`.
    static func prediction(_ logits: UnsafeBufferPointer<Float>, _ names: [String], _ kind: Loss.TargetKind)
        -> Prediction
    {
        func ranked(_ probabilities: [Double]) -> [(label: String, probability: Double)] {
            probabilities.indices
                .sorted { (-probabilities[$0], $0) < (-probabilities[$1], $1) }
                .map { ($0 < names.count ? names[$0] : "\($0)", probabilities[$0]) }
        }
        let values = logits.map(Double.init)
        switch kind {
        case .classIndex:
            let highest = values.max() ?? 0
            let powers = values.map { exp($0 - highest) }
            let sum = powers.reduce(0, +)
            return .classes(ranked(powers.map { $0 / sum }))
        case .labels: return .labels(ranked(values.map { 1 / (1 + exp(-$0)) }))
        case .numbers: return .number(values.first ?? 0)
        }
    }
}
