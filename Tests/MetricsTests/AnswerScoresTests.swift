import Testing

@testable import Metrics

struct AnswerScoresTests {
    /// The values of the evaluation script of SQuAD 1.1.
    @Test(arguments: [
        ("The Cat.", ["cat"], true, 1.0), ("a big  cat", ["the cat"], false, 2.0 / 3), ("", ["x"], false, 0),
        ("the", ["a"], true, 1), ("to be or not to be", ["not to be"], false, 2 * 0.5 * 1 / 1.5),
        ("x y y", ["y z", "y y"], false, 2 * (2.0 / 3) * 1 / (5.0 / 3)), ("É!", ["é"], true, 1),
    ])
    func equalsSQuAD(answer: String, expected: [String], isExact: Bool, f1: Double) {
        let scores = AnswerScores(answer: answer, expected: expected)
        #expect(scores.isExact == isExact)
        #expect(abs(scores.f1 - f1) < 1e-12)
    }
}
