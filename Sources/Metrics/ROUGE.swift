/// The similarity of a text to a reference, as the Python package rouge-score computes it without stemming.
///
/// Words are runs of the letters a to z and the digits 0 to 9 in the lowercase text; all other characters separate
/// them.
///
/// - Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", sections 2 and 3.
package struct ROUGE: Equatable, Sendable {
    /// The share of the hypothesis that matches the reference, 0 to 1; 0 for a hypothesis without matches.
    package let precision: Double
    /// The share of the reference that matches the hypothesis, 0 to 1.
    package let recall: Double
    /// Their harmonic mean; 0 if both are 0.
    package let f1: Double

    /// The matches that are counted.
    package enum Kind: String, CaseIterable, Sendable {
        /// Words.
        case words = "rouge1"
        /// Pairs of adjacent words.
        case pairs = "rouge2"
        /// The longest common subsequence of words.
        case subsequence = "rougeL"
    }

    /// The scores of a kind, of `matches` among the numbers of units of the hypothesis and of the reference.
    init(matches: Int, hypothesis: Int, reference: Int) {
        precision = matches == 0 ? 0 : Double(matches) / Double(hypothesis)
        recall = matches == 0 ? 0 : Double(matches) / Double(reference)
        f1 = matches == 0 ? 0 : 2 * precision * recall / (precision + recall)
    }

    /// The scores of each kind.
    ///
    /// - Complexity: O(words of the hypothesis · words of the reference) for the longest common subsequence.
    package static func scores(hypothesis: String, reference: String) -> [Kind: ROUGE] {
        let (hypothesis, reference) = (words(of: hypothesis), words(of: reference))
        let overlaps = nGramOverlaps(hypothesis, reference, orders: 2).map {
            ROUGE(matches: $0.matches, hypothesis: $0.hypothesis, reference: $0.reference)
        }
        let common = longestCommonSubsequence(hypothesis, reference)
        return [
            .words: overlaps[0], .pairs: overlaps[1],
            .subsequence: ROUGE(matches: common, hypothesis: hypothesis.count, reference: reference.count),
        ]
    }

    /// The words of a text, as ASCII bytes.
    static func words(of text: String) -> [ArraySlice<UInt8>] {
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            // The lowercase of a few other letters contains ASCII letters, such as the k of the Kelvin sign.
            let lowercase =
                scalar.isASCII ? String.UnicodeScalarView([scalar]) : scalar.properties.lowercaseMapping.unicodeScalars
            for scalar in lowercase {
                switch scalar {
                case "a"..."z", "0"..."9": bytes.append(UInt8(scalar.value))
                case "A"..."Z": bytes.append(UInt8(scalar.value + 32))
                default: bytes.append(separator)
                }
            }
        }
        return bytes.split(separator: separator)
    }

    private static let separator = UInt8(ascii: " ")
}

/// The means over a corpus of the scores of its lines, in percent.
package struct CorpusROUGE: Sendable {
    private var sums: [ROUGE.Kind: (precision: Double, recall: Double, f1: Double)] = [:]
    /// The number of lines.
    package private(set) var lines = 0

    /// The scores of no lines, all 0.
    package init() {}

    /// Adds a line.
    package mutating func add(hypothesis: String, reference: String) {
        lines += 1
        for (kind, score) in ROUGE.scores(hypothesis: hypothesis, reference: reference) {
            let sum = sums[kind] ?? (0, 0, 0)
            sums[kind] = (sum.precision + score.precision, sum.recall + score.recall, sum.f1 + score.f1)
        }
    }

    /// The mean precision, recall and F1 of a kind, each 0 to 100.
    package subscript(kind: ROUGE.Kind) -> (precision: Double, recall: Double, f1: Double) {
        guard let sum = sums[kind] else { return (0, 0, 0) }
        let factor = 100 / Double(lines)
        return (sum.precision * factor, sum.recall * factor, sum.f1 * factor)
    }
}

/// The length of the longest sequence of symbols that two sequences contain in order, not necessarily adjacent.
///
/// - Complexity: O(left.count · right.count) time, O(right.count) memory.
func longestCommonSubsequence<Symbol: Equatable>(_ left: [Symbol], _ right: [Symbol]) -> Int {
    // lengths[j] is the length for the symbols of `left` so far and the first j symbols of `right`.
    var lengths = [Int](repeating: 0, count: right.count + 1)
    for symbol in left {
        var diagonal = 0
        for j in right.indices {
            let above = lengths[j + 1]
            lengths[j + 1] = symbol == right[j] ? diagonal + 1 : max(above, lengths[j])
            diagonal = above
        }
    }
    return lengths[right.count]
}
