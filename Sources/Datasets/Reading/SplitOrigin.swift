/// The origin of a token stream: determines the advice given if a split is too short.
struct SplitOrigin: Sendable {
    let split: Split
    /// The number of tokens in the other split.
    let otherTokens: Int
    /// Whether `dtrain prepare` made the split; otherwise the shards were written by another program.
    let isPrepared: Bool

    /// Returns advice for a split that has `tokens` tokens although a context needs `needed`; without a period.
    func remedy(tokens: Int, needed: Int) -> String {
        // If there is enough text for both splits, only their sizes have to change.
        let total = tokens.addingReportingOverflow(otherTokens)
        let suffices = !total.overflow && total.partialValue / 2 >= needed
        guard isPrepared else {
            return split == .train ? "Add shards" : "Move text into the shards whose names contain \"val\""
        }
        switch split {
        case .train:
            return suffices
                ? "Prepare the text again and hold out less of it: a smaller --validation-fraction, or --validation FILE"
                : "Prepare more text"
        case .validation:
            guard suffices else {
                return "Prepare more text, or hold out another file: dtrain prepare --validation FILE"
            }
            // Rounded up to hundredths, plus one, because the fraction is applied to bytes and not to tokens.
            let hundredths = Int((100 * Double(needed) / Double(total.partialValue)).rounded(.up)) + 1
            return
                "Prepare the text again and hold out more of it: --validation-fraction \(Double(hundredths) / 100) or more, "
                + "or --validation FILE"
        }
    }
}
