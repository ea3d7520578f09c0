import Testing
import Texts

/// Pairs of strings that are canonically equivalent but differ in their bytes.
private let equivalent: [(String, String)] = [
    ("caf\u{E9}", "cafe\u{301}"),
    // A Hangul syllable and its jamo.
    ("\u{AC01}", "\u{1100}\u{1161}\u{11A8}"),
    // A with ring above and the angstrom sign.
    ("\u{C5}", "\u{212B}"),
    // ASCII characters and their canonical equivalents: K and the Kelvin sign, the semicolon and the Greek question
    // mark.
    ("K", "\u{212A}"), (";", "\u{37E}"),
    // Combining marks of two classes in either order.
    ("q\u{307}\u{323}", "q\u{323}\u{307}"),
]

struct ExactTextTests {
    @Test(arguments: equivalent)
    func equivalentStringsWithDifferentBytesDiffer(a: String, b: String) {
        #expect(a == b, "an example of the kind")
        #expect(a.exact != b.exact)
        #expect(Set([a.exact, b.exact]).count == 2)
        #expect([a, b].firstRepeated() == nil)
        #expect([a, b, a].firstRepeated() == a)
        #expect(![a].containsExactly(b))
        #expect([b, a].containsExactly(a))
        // The order does not depend on the initial order.
        #expect([a, b].sortedExactly().map { Array($0.utf8) } == [b, a].sortedExactly().map { Array($0.utf8) })
    }

    @Test func orderFollowsScalars() {
        let texts = ["", "A", "B", "a", "ab", "b", "\u{E9}", "\u{FF21}", "\u{1F600}"]
        #expect(texts.reversed().sortedExactly() == texts)
        #expect(!("a".exact < "a".exact))
    }

    @Test func comparesLongStringsToTheEnd() {
        let text = String(repeating: "abcdefgh", count: 100)
        #expect((text + "x").exact < (text + "y").exact)
        #expect((text + "x").exact != (text + "y").exact)
        #expect(text.exact == String(decoding: Array(text.utf8), as: UTF8.self).exact)
        #expect(text.dropFirst(8).exact == text.dropLast(8).exact)
    }
}

struct ExactCuttingTests {
    /// Marks that form one `Character` with the scalar before them.
    static let marks = ["\u{301}", "\u{200D}", "\u{FE0F}", "\u{20DD}", "\u{94D}"]

    @Test(arguments: marks)
    func separatorsSplitBeforeCombiningMarks(mark: String) {
        #expect(
            "key=\(mark)value".exactParts(at: "=", maxSplits: 1).map(\.exact) == ["key".exact, "\(mark)value".exact])
        #expect("--\(mark)".hasExactPrefix("--"))
        #expect("--\(mark)".withoutExactPrefix("--")?.exact == mark.exact)
        #expect("a.bin\(mark)".hasExactSuffix(".bin") == false)
        #expect("x\(mark).bin".withoutExactSuffix(".bin")?.exact == "x\(mark)".exact)
        #expect("a/..\(mark)/b".containsExactly(".."))
        let halves = "\u{E9}\t\(mark)text\tmore".exactHalves(at: "\t")
        #expect(halves?.before.exact == "\u{E9}".exact && halves?.behind.exact == "\(mark)text\tmore".exact)
    }

    @Test func carriageReturnAndLineFeedAreSeparate() {
        #expect("a\r\nb\n".exactParts(at: "\n").map(\.exact) == ["a\r", "b", ""].map(\.exact))
        #expect("a\r\nb\n".exactParts(at: "\n", omittingEmpty: true).count == 2)
        #expect("a\r\n".hasExactSuffix("\n"))
    }

    @Test func prefixesAndSuffixesCompareBytes() {
        // Canonically equal in Swift, but not equal in bytes.
        #expect(!"\u{E9}x".hasExactPrefix("e\u{301}"))
        #expect(!"x\u{E9}".hasExactSuffix("e\u{301}"))
        #expect(!"x\u{E9}y".containsExactly("e\u{301}"))
        #expect("xe\u{301}y".containsExactly("e"))
        #expect("aab".containsExactly("ab"))
        #expect("".exactHalves(at: "=") == nil && "".withoutExactPrefix("a") == nil)
    }
}
