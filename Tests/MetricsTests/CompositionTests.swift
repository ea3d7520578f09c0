import Testing

@testable import Metrics

/// BLEU and chrF compare code points like sacreBLEU: canonically equivalent spellings are different tokens and
/// characters.
@Suite struct CompositionTests {
    @Test func bleuComparesCodePoints() {
        // By hand: "a café is" has three tokens; two match, and no bigram does.
        let counts = BLEUCounts(hypothesis: "a caf\u{E9} is", reference: "a cafe\u{301} is")
        #expect(counts.matches == [2, 0, 0, 0] && counts.totals == [3, 2, 1, 0])
        // Hangul jamo and a syllable; the angstrom sign and the letter; the ohm sign and omega.
        for (a, b) in [("\u{AC01}", "\u{1100}\u{1161}\u{11A8}"), ("\u{212B}", "\u{C5}"), ("\u{2126}", "\u{3A9}")] {
            #expect(BLEUCounts(hypothesis: a, reference: b).matches == [0, 0, 0, 0])
            #expect(BLEUCounts(hypothesis: a, reference: a).matches == [1, 0, 0, 0])
        }
    }

    @Test func chrFComparesCodePoints() {
        // The characters c a f é against c a f e and a combining accent: three match.
        let counts = ChrFCounts(hypothesis: "caf\u{E9}", reference: "cafe\u{301}").values
        #expect(Array(counts[..<6]) == [4, 5, 3, 3, 4, 2])
        // An emoji of five code points against its first three code points: three match.
        let family = ChrFCounts(
            hypothesis: "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}", reference: "\u{1F468}\u{200D}\u{1F469}"
        ).values
        #expect(Array(family[..<3]) == [5, 3, 3])
        // Flags: each regional indicator is a code point.
        #expect(
            Array(ChrFCounts(hypothesis: "\u{1F1E9}\u{1F1EA}", reference: "\u{1F1EA}\u{1F1E9}").values[..<3]) == [
                2, 2, 2,
            ])
        // CR LF is white space, like CR and LF.
        #expect(Array(ChrFCounts(hypothesis: "a\r\nb", reference: "a b").values[..<3]) == [2, 2, 2])
    }

    @Test func combiningMarksDoNotHideSeparators() {
        // A space followed by a combining accent is still a separator, and the accent begins a word.
        let counts = BLEUCounts(hypothesis: "a \u{301}b", reference: "\u{301}b a")
        #expect(counts.matches == [2, 0, 0, 0])
    }
}
