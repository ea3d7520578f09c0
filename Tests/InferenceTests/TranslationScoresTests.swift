import Testing

@testable import Inference

/// Scores of translations of the datasets of a mixture.
struct TranslationScoresTests {
    private func example(_ part: String?, _ record: Int, _ prediction: String) -> Example {
        Example(
            part: part, record: record, input: "two dogs", reference: .text("deux chiens bruns courent"),
            prediction: .text(prediction), quality: 0)
    }

    @Test func partsHaveTheirOwnScores() {
        let right = "deux chiens bruns courent"
        let examples = [example("a", 0, right), example("a", 1, right), example("b", 0, "un chat")]
        let parts = TranslationScores.ofParts(examples)
        #expect(parts.map(\.name) == ["a", "b"])
        #expect(abs(parts[0].scores.bleu.score - 100) < 1e-9 && parts[1].scores.bleu.score < 50)
        #expect(parts[0].scores.text == TranslationScores([example(nil, 5, right)]).text)
        #expect(TranslationScores.ofParts([example(nil, 0, right)]).isEmpty)
        #expect(examples[2].json.line.hasPrefix(#"{"dataset":"b","record":0,"#), "\(examples[2].json.line)")
        #expect(example(nil, 3, right).json.line.hasPrefix(#"{"record":3,"#))
    }
}
