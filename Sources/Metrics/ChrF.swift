/// The counts from which the chrF of a corpus is computed.
///
/// `values` are sacreBLEU's statistics: for each order of character n-grams, then of word n-grams, the number in the
/// hypotheses, the number in the references, and the number of matches.
package struct ChrFCounts: AdditiveCounts {
    /// The largest character n-gram order.
    package static let characterOrders = 6
    package var values: [Int64]

    /// The counts of an empty corpus.
    ///
    /// - Parameter wordOrders: The largest word n-gram order: 0 for chrF, 2 for chrF++.
    package init(wordOrders: Int = 0) {
        values = Array(repeating: 0, count: 3 * (ChrFCounts.characterOrders + wordOrders))
    }

    /// The counts of one segment; both texts are detokenized.
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
        // If the reference is too short for an order, the hypothesis's n-grams of that order are not counted.
        values = overlaps.flatMap {
            [Int64($0.reference > 0 ? $0.hypothesis : 0), Int64($0.reference), Int64($0.matches)]
        }
    }
}

/// The chrF score of a corpus, as sacreBLEU computes it: character n-grams up to order 6 without white space, β = 2. If
/// word n-grams are counted too, it is chrF++.
///
/// - Source: Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation"; Popović 2017, "chrF++: words
///   helping character n-grams".
package struct ChrF: Equatable, Sendable {
    /// 0 to 100.
    package let score: Double

    /// The score of a corpus; 0 if no n-gram matches.
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

/// Splits off one ASCII punctuation mark at the end of a word or, if there is none, at its beginning.
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
