/// Which split of which kind of dataset a row of tokens is: what decides how a split that is too short becomes longer.
struct SplitOrigin: Sendable {
    let split: Split
    /// The tokens of the dataset's other split.
    let otherTokens: Int
    /// Whether `dtrain prepare` divided the text, rather than somebody who wrote the shards.
    let isPrepared: Bool

    /// Returns what helps where the split has `tokens` tokens and a context takes `needed`, without a full stop.
    func remedy(tokens: Int, needed: Int) -> String {
        // Enough for both splits: where the text is divided is all that has to change.
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
            // In hundredths, and one more, because the fraction is of characters.
            let hundredths = Int((100 * Double(needed) / Double(total.partialValue)).rounded(.up)) + 1
            return
                "Prepare the text again and hold out more of it: --validation-fraction \(Double(hundredths) / 100) or more, "
                + "or --validation FILE"
        }
    }
}
