import Files
import Tensors

/// Selects the records to hold out for validation: for a fraction of 1/10, one of every ten consecutive records, at a
/// random position.
///
/// With a fixed position, the selection could consist of records of a single kind if the kinds alternate in the file.
struct HeldOut {
    private let perMillion: Int

    /// Selects a fraction of at least 0 and less than 1, rounded to a millionth.
    init(fraction: Double) {
        perMillion = Int(fraction * 1e6 + 0.5)
    }

    /// Whether record `index` is held out; depends only on `index` and the fraction.
    ///
    /// - Precondition: `index` is below 2⁴³.
    func contains(_ index: Int) -> Bool {
        guard perMillion > 0 else { return false }
        // Exactly one record of each window is held out.
        let window = index * perMillion / 1_000_000
        let start = firstIndex(ofWindow: window)
        let count = firstIndex(ofWindow: window + 1) - start
        let words = Philox.words(
            counter: SIMD4(UInt32(truncatingIfNeeded: window), UInt32(truncatingIfNeeded: window >> 32), 0, 0),
            key: HeldOut.key)
        return index - start == Int(words.x) % count
    }

    /// The first index in a window.
    private func firstIndex(ofWindow window: Int) -> Int {
        (window * 1_000_000 + perMillion - 1) / perMillion
    }

    /// A fixed key: preparation has no seed, so the same files give the same dataset.
    private static let key = SIMD2<UInt32>(0x6865_6C64, 0x6F75_7400)
}
