/// Deletes and masks random tokens of training samples.
///
/// - Source: Iyyer et al. 2015 (word dropout), "Deep unordered composition rivals syntactic methods for text
///   classification".
package struct TokenNoise: Sendable {
    private let dropping: Double
    private let masking: Double
    private let mask: Int32?

    /// The token noise of an augmentation.
    ///
    /// - Parameter mask: The mask token; required if tokens are to be masked.
    package init(_ augmentation: Augmentation, mask: Int32?) {
        dropping = augmentation.tokenDropping
        masking = augmentation.tokenMasking
        self.mask = mask
        precondition(masking == 0 || mask != nil, "masking requires a mask token")
    }

    /// Changes `tokens` in place; at least one token remains.
    ///
    /// - Returns: The number of remaining tokens.
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
