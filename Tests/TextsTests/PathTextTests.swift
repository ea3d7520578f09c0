import Testing
import Texts

struct PathTextTests {
    /// Bytes that are not UTF-8, and some that are the UTF-8 of escape scalars.
    static let paths: [[UInt8]] = [
        [0xFF], [0x80], Array("runs/caf".utf8) + [0xE9], Array("a/".utf8) + [0xC3] + Array("/b".utf8),
        // Overlong slash and zero, a surrogate, a value beyond the last scalar, a truncated sequence.
        [0xC0, 0xAF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF0, 0x9F, 0x98],
        // The last scalar before the escape range, and its first and last scalar.
        Array("\u{10FF7F}".utf8), Array("\u{10FF80}".utf8), Array("\u{10FFFF}".utf8), Array("\u{10FFFF}".utf8) + [0xFF],
        Array("e\u{301} \u{E9} \u{1F468}\u{200D}\u{1F469} \u{1F1E9}\u{1F1EA}\n\r\n".utf8), [],
    ]

    @Test(arguments: paths)
    func roundTripsBytes(bytes: [UInt8]) {
        let text = PathText.text(of: bytes)
        #expect(PathText.bytes(of: text) == bytes)
        // The text also survives being written to and read from a UTF-8 file.
        #expect(PathText.bytes(of: String(decoding: Array(text.utf8), as: UTF8.self)) == bytes)
    }

    @Test func roundTripsEveryPairOfBytesInjectively() {
        var texts: Set<ExactText> = []
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                let text = PathText.text(of: [first, second])
                #expect(PathText.bytes(of: text) == [first, second])
                texts.insert(text.exact)
            }
        }
        #expect(texts.count == 1 << 16)
    }

    @Test func leavesValidTextUnchanged() {
        for text in ["runs/nano", "caf\u{E9}", "cafe\u{301}", "\u{1F600}", "\u{10FF7F}"] {
            #expect(PathText.text(of: Array(text.utf8)).exact == text.exact)
            #expect(!PathText.isEscaped(text))
        }
    }

    @Test func joinsAndSplitsEscapedPaths() {
        let bytes: [UInt8] = [0xC3, 0x2F, 0xA9]
        let text = PathText.text(of: [0xC3]) + "/" + PathText.text(of: [0xA9])
        #expect(PathText.bytes(of: text) == bytes)
        #expect(PathText.text(of: bytes).exact == text.exact)
        #expect(text.exactParts(at: "/").map(PathText.bytes) == [[0xC3], [0xA9]])
    }

    @Test func showsEscapedBytesInHexadecimal() {
        #expect(PathText.shown(PathText.text(of: [0x61, 0xFF, 0x80])) == #"a\xFF\x80"#)
        #expect(PathText.shown("\u{E9}") == "\u{E9}")
    }

    @Test func namesAreDistinct() {
        #expect(PathText.distinctNames(of: ["a/b", "c", "d/b/", "/"]) == ["b-1", "c", "b-3", "/"])
    }

    /// Characters that a terminal interprets, or that make a text look like another one.
    @Test(arguments: [
        ("a\u{202E}b", #"a\u{202E}b"#), ("a\u{200B}b", #"a\u{200B}b"#), ("\u{1B}[2J", #"\u{1B}[2J"#),
        ("\u{2028}", #"\u{2028}"#), ("\u{FEFF}x", #"\u{FEFF}x"#), ("\t", #"\u{9}"#), ("a\nb", "a\nb"),
        ("größe 漢字 🏳", "größe 漢字 🏳"),
    ])
    func showsUnprintableCharacters(text: String, expected: String) {
        #expect(PathText.shown(text).exact == expected.exact)
    }
}
