import Tensors

/// Which records of a row are held out for validation: one of every ten for a tenth, at a place that is drawn.
///
/// A fixed place would meet every record of one kind, or none, where kinds take turns in a file.
struct HeldOut {
    private let perMillion: Int

    /// Holds out a fraction from 0 to less than 1, to a millionth.
    init(fraction: Double) {
        perMillion = Int(fraction * 1e6 + 0.5)
    }

    /// Whether record `index` is held out. It depends on nothing but the fraction.
    ///
    /// - Precondition: `index` is below 2^43, which no file reaches.
    func contains(_ index: Int) -> Bool {
        guard perMillion > 0 else { return false }
        // Window k holds the records of which one is the k-th held out.
        let window = index * perMillion / 1_000_000
        let start = firstIndex(ofWindow: window)
        let count = firstIndex(ofWindow: window + 1) - start
        let words = Philox.words(
            counter: SIMD4(UInt32(truncatingIfNeeded: window), UInt32(truncatingIfNeeded: window >> 32), 0, 0),
            key: HeldOut.key)
        return index - start == Int(words.x) % count
    }

    /// The smallest index whose window is `window`.
    private func firstIndex(ofWindow window: Int) -> Int {
        (window * 1_000_000 + perMillion - 1) / perMillion
    }

    /// Preparing has no seed: the same files give the same dataset.
    private static let key = SIMD2<UInt32>(0x6865_6C64, 0x6F75_7400)
}
