/// The tokenization "13a" of WMT's `mteval-v13a.pl`, as sacreBLEU applies it before it computes BLEU.
///
/// - Source: Post 2018, "A Call for Clarity in Reporting BLEU Scores", arXiv:1804.08771, section 2; four substitutions
///   by regular expressions, each over the whole line and without overlap.
enum Tokenization13a {
    /// The tokens of a segment.
    package static func tokens(of segment: String) -> [ArraySlice<Unicode.Scalar>] {
        var text = Array(segment.unicodeScalars)
        while text.last?.separatesWords == true { text.removeLast() }
        text = text.replacing(scalars("<skipped>"), with: [])
        text = text.replacing(scalars("-\n"), with: [])
        text = text.replacing(scalars("\n"), with: [" "])
        if text.contains("&") {
            // The entities are replaced one after the other: "&amp;lt;" becomes "<".
            for (entity, character) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
                text = text.replacing(scalars(entity), with: scalars(character))
            }
        }
        text = [" "] + text + [" "]
        text = text.reduce(into: []) { spaced, scalar in
            spaced += isSymbol(scalar) ? [" ", scalar, " "] : [scalar]
        }
        // A period or comma is separated unless both its neighbours are digits.
        text = replacingPairs(in: text) { before, mark in
            !isDigit(before) && isPeriodOrComma(mark) ? [before, " ", mark, " "] : nil
        }
        text = replacingPairs(in: text) { mark, after in
            isPeriodOrComma(mark) && !isDigit(after) ? [" ", mark, " ", after] : nil
        }
        text = replacingPairs(in: text) { digit, dash in
            isDigit(digit) && dash == "-" ? [digit, " ", dash, " "] : nil
        }
        return words(of: text)
    }

    /// Replaces pairs of adjacent characters from left to right; a replaced character is not part of another pair.
    private static func replacingPairs(
        in text: [Unicode.Scalar], _ replacement: (Unicode.Scalar, Unicode.Scalar) -> [Unicode.Scalar]?
    ) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        var index = 0
        while index < text.count {
            if index + 1 < text.count, let pair = replacement(text[index], text[index + 1]) {
                result += pair
                index += 2
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    /// Whether `scalar` is ASCII punctuation other than apostrophe, comma, hyphen and period.
    private static func isSymbol(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "{"..."~", "["..."`", "!"..."&", "("..."+", ":"..."@", "/": true
        default: false
        }
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { "0"..."9" ~= scalar }

    private static func isPeriodOrComma(_ scalar: Unicode.Scalar) -> Bool { scalar == "." || scalar == "," }

    private static func scalars(_ text: String) -> [Unicode.Scalar] { Array(text.unicodeScalars) }
}
