import Failures
import Glibc
import Tensors

/// How often each word occurs in a text, as subsampling and noise need it.
package final class WordFrequencies: Sendable {
    /// The probability that a word is kept; 0 for special tokens and unknown words.
    private let keeping: [Double]
    /// Walker's alias table of the noise distribution: an entry is its own word with this probability, as a fraction of
    /// 2³², and otherwise its alias.
    private let aliases: [(threshold: UInt32, word: Int32)]

    /// The power of a word's frequency to which its probability as noise is proportional.
    private static let noisePower = 0.75
    /// The number of tokens that are read at once.
    private static let partTokens = 1 << 16

    /// Counts the words of `stream`.
    ///
    /// - Parameters:
    ///   - excluded: Tokens that are no words.
    ///   - subsample: The share of the text above which a word is left out at random; 0: never.
    /// - Throws: `badData` if the text has no word.
    /// - Complexity: O(tokens + V).
    package init(_ stream: TokenStream, excluding excluded: [Int32], subsample: Double) throws(Failure) {
        var counts = [Int](repeating: 0, count: stream.vocabularySize)
        var part = [Int32](repeating: 0, count: WordFrequencies.partTokens)
        for start in stride(from: 0, to: stream.tokenCount, by: part.count) {
            let count = min(part.count, stream.tokenCount - start)
            // A typed-throws closure cannot be passed through the buffer's method.
            let failure = part.withUnsafeMutableBufferPointer { buffer -> Failure? in
                do throws(Failure) {
                    try stream.read(at: start, count: count, into: buffer.baseAddress!)
                    return nil
                } catch { return error }
            }
            if let failure { throw failure }
            for token in part[..<count] { counts[Int(token)] += 1 }
        }
        for token in excluded where counts.indices.contains(Int(token)) { counts[Int(token)] = 0 }
        let total = Double(counts.reduce(0, +))
        guard total > 0 else {
            throw Failure(
                .badData, "\(stream.name): has no word, only special tokens and unknown words. Prepare more text.")
        }
        keeping = counts.map { count in
            if count == 0 { return 0 }
            return subsample == 0 ? 1 : min(1, (subsample / (Double(count) / total)).squareRoot())
        }
        aliases = WordFrequencies.aliasTable(counts.map { pow(Double($0), WordFrequencies.noisePower) })
    }

    /// Whether a token is kept, for a random number `share` in [0, 1).
    ///
    /// - Source: Mikolov et al. 2013, arXiv:1310.4546, eq. 5.
    func keeps(_ token: Int32, _ share: Double) -> Bool { share < keeping[Int(token)] }

    /// Draws the noise words of each of some targets; a word that is the target itself is ignored, as in the released
    /// code.
    ///
    /// - Parameters:
    ///   - places: The positions of the targets.
    ///   - targets: [T].
    ///   - noise: [T, `windows.negatives`]; those of `places` are overwritten.
    ///   - random: The random words of each target, of `windows.countersOfNoise` counters.
    func drawNoise(
        _ places: UnsafeBufferPointer<Int>, besides targets: UnsafePointer<Int32>,
        into noise: UnsafeMutablePointer<Int32>, _ windows: WordWindows, _ random: UnsafePointer<SIMD4<UInt32>>
    ) {
        aliases.withUnsafeBufferPointer { aliases in
            /// The noise word for two random words of 32 bits.
            func word(_ place: UInt32, _ share: UInt32) -> Int32 {
                let entry = Int((UInt64(place) * UInt64(aliases.count)) >> 32)
                let (threshold, alias) = aliases[entry]
                // Without a branch, which would be mispredicted half of the time.
                let takesAlias = Int32(truncatingIfNeeded: (Int64(share) - Int64(threshold)) >> 63) ^ -1
                return Int32(truncatingIfNeeded: entry) ^ ((Int32(truncatingIfNeeded: entry) ^ alias) & takesAlias)
            }
            var random = random
            for place in places {
                let (target, row) = (targets[place], noise + place * windows.negatives)
                for number in 0..<windows.negatives {
                    let four = random[number / 2]
                    let word = number % 2 == 0 ? word(four.x, four.y) : word(four.z, four.w)
                    row[number] = word == target ? ignoredTarget : word
                }
                random += windows.countersOfNoise
            }
        }
    }

    /// The alias table of `weights`, of which at least one is positive.
    ///
    /// - Source: Walker 1977; Vose 1991, "A linear algorithm for generating random numbers with a given distribution".
    private static func aliasTable(_ weights: [Double]) -> [(threshold: UInt32, word: Int32)] {
        let mean = weights.reduce(0, +) / Double(weights.count)
        var scaled = weights.map { $0 / mean }
        var aliases = weights.indices.map { Int32($0) }
        var small = scaled.indices.filter { scaled[$0] < 1 }
        var large = scaled.indices.filter { scaled[$0] >= 1 }
        var shares = [Double](repeating: 1, count: weights.count)
        while let poor = small.last, let rich = large.last {
            small.removeLast()
            (shares[poor], aliases[poor]) = (scaled[poor], Int32(rich))
            scaled[rich] -= 1 - scaled[poor]
            if scaled[rich] < 1 {
                large.removeLast()
                small.append(rich)
            }
        }
        // What rounding leaves over has a share of nearly 1. A word that does not occur must never be drawn.
        let likeliest = weights.indices.max { weights[$0] < weights[$1] } ?? 0
        for rest in small where weights[rest] == 0 { (shares[rest], aliases[rest]) = (0, Int32(likeliest)) }
        return zip(shares, aliases).map { (UInt32(min(0x1p32 - 1, $0 * 0x1p32)), $1) }
    }
}
