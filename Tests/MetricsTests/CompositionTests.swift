import Testing

@testable import Metrics

/// sacreBLEU compares code points: spellings that are canonically equivalent are different tokens and characters.
@Suite struct CompositionTests {
    @Test func bleuComparesCodePoints() {
        // Counts by hand: of "a café is" three tokens, two in both, no pair of neighbours.
        let counts = BLEUCounts(hypothesis: "a caf\u{E9} is", reference: "a cafe\u{301} is")
        #expect(counts.matches == [2, 0, 0, 0] && counts.totals == [3, 2, 1, 0])
        // Hangul jamo and a syllable, the angstrom sign and the letter.
        for (a, b) in [("\u{AC01}", "\u{1100}\u{1161}\u{11A8}"), ("\u{212B}", "\u{C5}"), ("\u{2126}", "\u{3A9}")] {
            #expect(BLEUCounts(hypothesis: a, reference: b).matches == [0, 0, 0, 0])
            #expect(BLEUCounts(hypothesis: a, reference: a).matches == [1, 0, 0, 0])
        }
    }

    @Test func chrFComparesCodePoints() {
        // Characters c a f é against c a f e and an accent: three in both.
        let counts = ChrFCounts(hypothesis: "caf\u{E9}", reference: "cafe\u{301}").values
        #expect(Array(counts[..<6]) == [4, 5, 3, 3, 4, 2])
        // A family of five code points shares three with one of three: two people and a joiner.
        let family = ChrFCounts(
            hypothesis: "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}", reference: "\u{1F468}\u{200D}\u{1F469}"
        ).values
        #expect(Array(family[..<3]) == [5, 3, 3])
        // Flags: regional indicators are code points by themselves.
        #expect(
            Array(ChrFCounts(hypothesis: "\u{1F1E9}\u{1F1EA}", reference: "\u{1F1EA}\u{1F1E9}").values[..<3]) == [
                2, 2, 2,
            ])
        // CR LF is white space, as each of the two is.
        #expect(Array(ChrFCounts(hypothesis: "a\r\nb", reference: "a b").values[..<3]) == [2, 2, 2])
    }

    @Test func separatorsWithMarks() {
        // A space with an accent is a space, and the accent begins a word.
        let counts = BLEUCounts(hypothesis: "a \u{301}b", reference: "\u{301}b a")
        #expect(counts.matches == [2, 0, 0, 0])
    }
}
