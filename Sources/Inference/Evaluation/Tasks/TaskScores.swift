import Files
import Reporting
import Settings

/// The scores of a model on a file of questions.
package struct TaskScores: Equatable, Sendable {
    /// The number of questions with choices.
    package var choiceCount = 0
    /// How many of them have their right choice as the one of the highest log-probability.
    package var rightCount = 0
    /// The same for the log-probability divided by the number of bytes of the choice.
    package var normalizedRightCount = 0
    /// The number of questions with a free answer.
    package var freeCount = 0
    package var exactCount = 0
    /// The sum of the F1 of words over the free answers.
    package var f1Sum = 0.0

    /// The named scores, between 0 and 1; those without a question are left out.
    package var named: [(name: String, value: Double)] {
        let choices = Double(choiceCount), free = Double(freeCount)
        return
            (choiceCount == 0
            ? []
            : [
                ("choice_accuracy", Double(normalizedRightCount) / choices),
                ("choice_accuracy_unnormalized", Double(rightCount) / choices),
            ])
            + (freeCount == 0 ? [] : [("exact_match", Double(exactCount) / free), ("token_f1", f1Sum / free)])
    }

    /// The scores on no question.
    package init() {}

    /// The scores that training watches.
    package var metrics: [(metric: ValidationMetric, value: Double)] {
        named.compactMap { name, value in ValidationMetric(rawValue: "validation_\(name)").map { ($0, value) } }
    }

    /// Adds the scores on other questions.
    package static func += (scores: inout TaskScores, others: TaskScores) {
        scores.choiceCount += others.choiceCount
        scores.rightCount += others.rightCount
        scores.normalizedRightCount += others.normalizedRightCount
        scores.freeCount += others.freeCount
        scores.exactCount += others.exactCount
        scores.f1Sum += others.f1Sum
    }

    /// The scores as one line.
    package var text: String {
        named.map { "\($0.name) \(fixed(100 * $0.value, 2)) %" }.joined(separator: ", ")
            + " (\(choiceCount) with choices, \(freeCount) free)"
    }

    /// The scores and counts as members of a JSON object.
    package var members: [JSON.Member] {
        named.map { JSON.Member($0.name, .number($0.value)) }
            + [.init("choice_questions", .integer(choiceCount)), .init("free_questions", .integer(freeCount))]
    }
}
