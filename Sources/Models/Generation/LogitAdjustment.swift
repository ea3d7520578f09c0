// V vocabulary.

/// What is changed about logits, or logarithms of probabilities, before a token is chosen.
struct LogitAdjustment: Sendable {
    private let repetitionPenalty: Float
    private let minimumTokens: Int
    private let endToken: Int32?
    private let forbiddenTokens: [Int32]

    init(_ settings: DecodingSettings) {
        repetitionPenalty = Float(settings.repetitionPenalty)
        minimumTokens = settings.minimumTokens
        endToken = settings.endToken
        forbiddenTokens = settings.forbiddenTokens
    }

    /// Changes one row, [V].
    ///
    /// - Parameters:
    ///   - text: The tokens before the one that is chosen.
    ///   - chosen: How many of them were chosen.
    func apply(_ logits: UnsafeMutablePointer<Float>, after text: [Int32], chosen: Int) {
        if repetitionPenalty != 1 {
            for token in Set(text) {
                let value = logits[Int(token)]
                logits[Int(token)] = value < 0 ? value * repetitionPenalty : value / repetitionPenalty
            }
        }
        if let endToken, chosen < minimumTokens { logits[Int(endToken)] = -.infinity }
        for token in forbiddenTokens { logits[Int(token)] = -.infinity }
    }
}
