/// What chrF has to know of a corpus.
///
/// `values` are sacreBLEU's statistics: for each order of character n-grams, then of word n-grams, those of the
/// hypotheses, those of the references, and the matching ones.
package struct ChrFCounts: AdditiveCounts {
    /// The longest character n-grams that count.
    package static let characterOrders = 6
    package var values: [Int64]

    /// The counts of no segments.
    ///
    /// - Parameter wordOrders: The longest word n-grams that count; 0 for chrF, 2 for chrF++.
    package init(wordOrders: Int = 0) {
        values = Array(repeating: 0, count: 3 * (ChrFCounts.characterOrders + wordOrders))
    }

    /// The counts of one segment, both texts detokenized.
    package init(hypothesis: String, reference: String, wordOrders: Int = 0) {
        let (hypothesis, reference) = (
            words(of: Array(hypothesis.unicodeScalars)), words(of: Array(reference.unicodeScalars))
        )
        var overlaps = nGramOverlaps(
            Array(hypothesis.joined()), Array(reference.joined()), orders: ChrFCounts.characterOrders)
        if wordOrders > 0 {
            overlaps += nGramOverlaps(
                hypothesis.flatMap(separatingPunctuation), reference.flatMap(separatingPunctuation), orders: wordOrders)
        }
        // Where the reference is too short for an order, the hypothesis's n-grams of that order do not count.
        values = overlaps.flatMap {
            [Int64($0.reference > 0 ? $0.hypothesis : 0), Int64($0.reference), Int64($0.matches)]
        }
    }
}

/// chrF of a corpus, as sacreBLEU computes it: character n-grams up to order 6 without white space, β = 2; chrF++ where
/// word n-grams are counted too.
///
/// - Source: Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation"; Popović 2017, "chrF++: words
///   helping character n-grams".
package struct ChrF: Equatable, Sendable {
    /// 0 to 100.
    package let score: Double

    /// The score of a corpus; 0 where nothing matches.
    package init(_ counts: ChrFCounts) {
        let squaredBeta = 4.0
        var (precision, recall, orders) = (0.0, 0.0, 0.0)
        for start in stride(from: 0, to: counts.values.count, by: 3) {
            let (hypothesis, reference) = (Double(counts.values[start]), Double(counts.values[start + 1]))
            guard hypothesis > 0, reference > 0 else { continue }
            precision += Double(counts.values[start + 2]) / hypothesis
            recall += Double(counts.values[start + 2]) / reference
            orders += 1
        }
        guard precision + recall > 0 else {
            score = 0
            return
        }
        (precision, recall) = (precision / orders, recall / orders)
        score = 100 * (1 + squaredBeta) * precision * recall / (squaredBeta * precision + recall)
    }
}

/// A word without one mark of ASCII punctuation at its end, or else at its beginning, and the mark.
private func separatingPunctuation(_ word: ArraySlice<Unicode.Scalar>) -> [ArraySlice<Unicode.Scalar>] {
    guard word.count > 1 else { return [word] }
    if isPunctuation(word.last!) { return [word.dropLast(), word.suffix(1)] }
    if isPunctuation(word.first!) { return [word.prefix(1), word.dropFirst()] }
    return [word]
}

private func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "!"..."/", ":"..."@", "["..."`", "{"..."~": true
    default: false
    }
}
