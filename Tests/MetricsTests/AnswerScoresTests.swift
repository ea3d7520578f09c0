import Testing

@testable import Metrics

struct AnswerScoresTests {
    private static let rows: [(String, [String], Bool, Double)] = [
        ("The Cat.", ["cat"], true, 1), ("a big  cat", ["the cat"], false, 0.6666666666666666), ("", ["x"], false, 0),
        ("the", ["a"], true, 1), ("to be or not to be", ["not to be"], false, 0.6666666666666666),
        ("x y y", ["y z", "y y"], false, 0.8), ("É!", ["é"], true, 1),
    ]

    /// The values of the evaluation script of SQuAD 1.1.
    @Test(arguments: rows)
    func equalsSQuAD(answer: String, expected: [String], isExact: Bool, f1: Double) {
        let scores = AnswerScores(answer: answer, expected: expected)
        #expect(scores.isExact == isExact)
        #expect(abs(scores.f1 - f1) < 1e-12)
    }
}
