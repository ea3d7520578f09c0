import Testing

@testable import Files

@Suite struct UTF8ValidatorTests {
    /// Returns the offset of the first malformed sequence in `bytes`, validated in chunks of one size.
    private func malformedOffset(_ bytes: [UInt8], chunk: Int) -> Int? {
        var validator = UTF8Validator()
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(chunk))
            rest = rest.dropFirst(chunk)
            if let offset = part.withUnsafeBytes({ validator.firstMalformedOffset(in: $0) }) { return offset }
        }
        return validator.unfinishedOffset
    }

    @Test(arguments: [1, 2, 3, 5, 8, 1000]) func acceptsWellFormedText(chunk: Int) {
        let text =
            "plain ascii, long enough for words of eight; é ß ⇒ 漢字 \u{FFFF} 🙂 \u{10FFFF} \u{7F}\u{80}\u{7FF}\u{800}\u{D7FF}\u{E000}"
        #expect(malformedOffset(Array(text.utf8), chunk: chunk) == nil)
    }

    @Test(
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x9F, 0xBF], [0xE2, 0x82],
            [0xE2, 0x28, 0xA1], [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x99],
            [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xE9, 0x20],
        ] as [[UInt8]])
    func reportsTheStartOfMalformedSequences(sequence: [UInt8]) {
        for prefix in ["", "é", "0123456789abcdef", "0123456é"] {
            for suffix in ["", "x and more ascii"] {
                // A sequence that is truncated by a letter is as malformed as one at the end.
                let bytes = Array(prefix.utf8) + sequence + Array(suffix.utf8)
                for chunk in [1, 2, 3, 7, 8, 1000] {
                    #expect(malformedOffset(bytes, chunk: chunk) == prefix.utf8.count)
                }
            }
        }
    }

    @Test func agreesWithTheStandardLibraryOnAllPairs() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                let bytes = [first, second]
                let isText = String(validating: bytes, as: UTF8.self) != nil
                #expect((malformedOffset(bytes, chunk: 1) == nil) == isText, "\(bytes)")
            }
        }
    }
}
