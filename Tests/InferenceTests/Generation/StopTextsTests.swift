import Testing

@testable import Inference
@testable import Tokenizers

@Suite struct StopTextsTests {
    private let tokenizer = ByteTokenizer()

    @Test func cutsAtFirstStopText() {
        let stops = StopTexts(["END", "é", ""])
        #expect(stops.longest == 3)
        func cut(_ text: String) -> String { String(decoding: stops.cut(Array(text.utf8)), as: UTF8.self) }
        #expect(cut("before END after é") == "before ")
        #expect(cut("caf\u{E9} END") == "caf")
        #expect(cut("EN DE ND") == "EN DE ND")
        #expect(cut("END") == "")
        #expect(StopTexts([]).cut([1, 2]) == [1, 2])
    }

    /// A stop sequence is found with its last token and not earlier, wherever token boundaries are.
    @Test func stopTextsAreFoundWithTheirLastByte() throws {
        let stops = StopTexts(["\n\n", "stop"])
        let text = try tokenizer.encode("do not sto p\nstop here")
        let places = text.indices.filter { stops.areReached(by: Array(text[...$0]), tokenizer) }
        #expect(places.first == 16)
        #expect(!StopTexts([]).areReached(by: text, tokenizer))
        #expect(!stops.areReached(by: [], tokenizer))
    }
}
