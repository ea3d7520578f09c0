/// The similarity of an answer to the expected ones: exact match and F1 of words.
///
/// Texts are compared in lower case, without ASCII punctuation, without the English articles a, an and the, and with
/// one space between words.
///
/// - Source: Rajpurkar et al. 2016 (SQuAD), arXiv:1606.05250, section 6.1.
package struct AnswerScores: Equatable, Sendable {
    /// Whether the answer equals an expected one.
    package let isExact: Bool
    /// The harmonic mean of precision and recall of words; the best over the expected answers.
    package let f1: Double

    /// Compares an answer with the expected ones, of which there is at least one.
    package init(answer: String, expected: [String]) {
        let words = AnswerScores.words(of: answer)
        let others = expected.map(AnswerScores.words)
        isExact = others.contains { $0.elementsEqual(words, by: { $0.utf8.elementsEqual($1.utf8) }) }
        f1 = others.map { AnswerScores.f1(words, $0) }.max() ?? 0
    }

    private static func f1(_ words: [String], _ expected: [String]) -> Double {
        // Answers without a word are equal or share nothing.
        if words.isEmpty || expected.isEmpty { return words.isEmpty && expected.isEmpty ? 1 : 0 }
        var counts: [[UInt8]: Int] = [:]
        for word in expected { counts[Array(word.utf8), default: 0] += 1 }
        var shared = 0
        for word in words {
            let key = Array(word.utf8)
            guard let left = counts[key], left > 0 else { continue }
            counts[key] = left - 1
            shared += 1
        }
        // 2·P·R / (P + R) with P = shared / words and R = shared / expected.
        return 2 * Double(shared) / Double(words.count + expected.count)
    }

    private static func words(of text: String) -> [String] {
        let isPunctuation = { (scalar: Unicode.Scalar) in
            scalar.isASCII && (0x21...0x7E).contains(scalar.value)
                && !(scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
        }
        var kept = String.UnicodeScalarView()
        kept.append(contentsOf: text.lowercased().unicodeScalars.filter { !isPunctuation($0) })
        return kept.split { $0.properties.isWhitespace }.map { String($0) }.filter { word in
            !["a", "an", "the"].contains { $0.utf8.elementsEqual(word.utf8) }
        }
    }
}
