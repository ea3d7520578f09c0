// V vocabulary.

/// Changes to logits or log-probabilities before a token is chosen: repetition penalty, minimum length, forbidden
/// tokens.
struct LogitAdjustment: Sendable {
    private let repetitionPenalty: Float
    private let minimumTokens: Int
    private let endTokens: [Int32]
    private let forbiddenTokens: [Int32]

    init(_ settings: DecodingSettings) {
        repetitionPenalty = Float(settings.repetitionPenalty)
        minimumTokens = settings.minimumTokens
        endTokens = settings.endTokens
        forbiddenTokens = settings.forbiddenTokens
    }

    /// Adjusts one row, [V].
    ///
    /// - Parameters:
    ///   - text: All tokens so far.
    ///   - chosen: The number of generated tokens among them.
    func apply(_ logits: UnsafeMutablePointer<Float>, after text: [Int32], chosen: Int) {
        if repetitionPenalty != 1 {
            for token in Set(text) {
                let value = logits[Int(token)]
                logits[Int(token)] = value < 0 ? value * repetitionPenalty : value / repetitionPenalty
            }
        }
        if chosen < minimumTokens {
            for token in endTokens { logits[Int(token)] = -.infinity }
        }
        for token in forbiddenTokens { logits[Int(token)] = -.infinity }
    }
}
