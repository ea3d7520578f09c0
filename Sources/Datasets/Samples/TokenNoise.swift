import Tensors

/// Leaves out some tokens of what is trained on, and hides others.
///
/// - Source: Iyyer et al. 2015 (word dropout), "Deep unordered composition rivals syntactic methods for text classification".
package struct TokenNoise: Sendable {
    private let dropping: Double
    private let masking: Double
    private let mask: Int32?

    /// The noise of an augmentation.
    ///
    /// - Parameter mask: What hides a token; needed where tokens are hidden.
    package init(_ augmentation: Augmentation, mask: Int32?) {
        dropping = augmentation.tokenDropping
        masking = augmentation.tokenMasking
        self.mask = mask
        precondition(masking == 0 || mask != nil, "a token that hides others")
    }

    /// Changes `tokens` in place. One is always left.
    ///
    /// - Returns: The number of tokens that are left.
    func apply(_ tokens: UnsafeMutablePointer<Int32>, count: Int, _ draw: SampleDraw) -> Int {
        guard draw.isTraining, dropping > 0 || masking > 0 else { return count }
        let random = draw.stream(.augmentation)
        var kept = 0
        for index in 0..<count {
            let uniform = random.uniform(UInt64(index))
            let isLastChance = kept == 0 && index == count - 1
            if uniform < dropping, !isLastChance { continue }
            tokens[kept] = tokens[index]
            if let mask, uniform >= dropping, uniform < dropping + masking { tokens[kept] = mask }
            kept += 1
        }
        return kept
    }
}
