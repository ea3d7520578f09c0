import Collectives
import Conversations
import Datasets
import Failures
import Files
import Glibc
import Metrics
import Models
import Settings
import Texts
import Tokenizers

/// Measures a decoder on a file of questions.
///
/// A choice is scored by the log-probability of its tokens after the prompt; one of several choices is chosen by the
/// log-probability per byte (as `acc_norm` of lm-evaluation-harness). A free answer is generated greedily, up to the end
/// of its line. A model that was trained on conversations gets the prompt as a message of the user in its chat template,
/// and its choices and answers end as the template ends an answer.
package struct TaskEvaluation {
    private let task: TaskFile
    private let trained: TrainedModel
    private let generation: Generation
    private let communicator: any Communicator
    /// The number of sequences that are computed at once.
    private static let batchSequences = 8

    /// Loads the checkpoint.
    ///
    /// - Parameter tokens: The maximum number of tokens of a free answer.
    /// - Throws: As `TrainedModel`; `usage` for a model that is no decoder.
    package init(
        _ task: TaskFile, checkpoint directory: String, weights: WeightChoice?, tokens: Int = 64,
        _ communicator: any Communicator
    ) throws {
        var settings = GenerationSettings(checkpoint: directory)
        settings.weights = weights
        settings.temperature = 0
        settings.decoding.tokens = tokens
        settings.crops = true
        var generation = try Generation(settings, communicator)
        try communicator.together { () throws(Failure) in
            guard generation.response == .continuation else {
                throw Failure(
                    .usage,
                    "evaluate: --task: \(directory) is a model of family "
                        + "\(generation.trained.identity.configuration.model.family.rawValue); questions need a decoder."
                )
            }
            let facts = generation.trained.identity.facts
            if facts.kind == .chat, let text = facts.chatTemplate {
                try generation.converse(with: try ChatTemplate(parsing: text, name: directory))
            } else {
                generation.settings.stops.append("\n")
            }
        }
        self.task = task
        self.generation = generation
        trained = generation.trained
        self.communicator = communicator
    }

    /// Answers all questions, which are divided among the ranks.
    ///
    /// - Returns: The scores, the same on all ranks and for any number of them.
    /// - Throws: `AgreedFailure` with `badData` for a question that is too long, or if predictions are not finite.
    package func run() throws -> TaskScores {
        var scores = TaskScores()
        try addChoices(to: &scores)
        try addFreeAnswers(to: &scores)
        return scores
    }

    // MARK: Choices

    private func addChoices(to scores: inout TaskScores) throws {
        let items = task.items.filter { !$0.choices.isEmpty }
        guard !items.isEmpty else { return }
        let contextLength = trained.model.sizes.contextLength
        let sequences = try communicator.together { () throws(Failure) in
            var sequences: [ChoiceSamples.Sequence] = []
            for item in items {
                for choice in item.choices { sequences.append(try sequence(item, choice, contextLength)) }
            }
            return sequences
        }
        let samples = ChoiceSamples(sequences, contextLength: contextLength)
        let batches = EvaluationBatches(samples, sequencesPerBatch: TaskEvaluation.batchSequences, seed: 0)
        let forwardPass = ForwardPass(
            trained.model, trained.identity.configuration.loss, weights: trained.weights,
            sequences: TaskEvaluation.batchSequences)
        let own = try communicator.together { () throws(Failure) in
            let batch = try batches.makeBatch()
            var logProbabilities = [Double](repeating: 0, count: sequences.count)
            for index in stride(from: communicator.rank, to: batches.count, by: communicator.size) {
                try batches.load(index, into: batch)
                let first = batches.samples(of: index).lowerBound
                _ = forwardPass.loss(of: batch) { logits, rows in
                    for (place, row) in rows.enumerated() {
                        let target = Int(batch.fields.classTargets![Int(row)])
                        logProbabilities[first + Int(row) / batch.positions] += TaskEvaluation.logProbability(
                            of: target, logits + place * trained.model.head.outputWidth,
                            count: forwardPass.prediction.classes ?? trained.model.head.outputWidth)
                    }
                }
            }
            return logProbabilities
        }
        // Each value is nonzero on one rank only, so the sum over ranks is exact.
        let all = try communicator.total(own)
        try communicator.together { () throws(Failure) in
            if all.contains(where: { !$0.isFinite }) { throw trained.nonFiniteState() }
        }
        var place = 0
        for item in items {
            let found = Array(all[place..<place + item.choices.count])
            place += item.choices.count
            let normalized = zip(found, item.choices).map { $0 / Double($1.utf8.count) }
            scores.choiceCount += 1
            scores.rightCount += TaskEvaluation.best(found) == item.answer ? 1 : 0
            scores.normalizedRightCount += TaskEvaluation.best(normalized) == item.answer ? 1 : 0
        }
    }

    /// The tokens of a prompt with a choice; a long prompt loses its beginning.
    private func sequence(
        _ item: TaskFile.Item, _ choice: String, _ contextLength: Int
    ) throws(Failure) -> ChoiceSamples.Sequence {
        let place = "\(task.path): line \(item.line)"
        let found: (tokens: [Int32], isInside: [Bool])
        let (prompt, answer) = (Array(item.prompt.utf8), Array(choice.utf8))
        if let conversations = generation.conversations {
            let encoded = try conversations.encode([.init(.user, prompt), .init(.assistant, answer)], place: place)
            found = (encoded.tokens, encoded.isAnswer)
        } else {
            found = try trained.tokenizer.encodeMarked(
                prompt + answer, ranges: [prompt.count..<prompt.count + answer.count])
        }
        let kept = min(found.tokens.count, contextLength + 1)
        let sequence = ChoiceSamples.Sequence(
            tokens: Array(found.tokens.suffix(kept)), isChoice: Array(found.isInside.suffix(kept)))
        guard kept > 1, !sequence.isChoice[0], sequence.isChoice.contains(true) else {
            throw Failure(
                .badData,
                "\(place): a choice needs a prompt of at least one token before it, and both at most \(contextLength + 1) "
                    + "tokens; found \(found.tokens.count), of which \(found.isInside.count { $0 }) are of the choice.")
        }
        return sequence
    }

    /// The natural logarithm of the softmax of `count` logits at `target`.
    private static func logProbability(of target: Int, _ logits: UnsafePointer<Float>, count: Int) -> Double {
        var highest = -Float.infinity
        for index in 0..<count { highest = max(highest, logits[index]) }
        var sum = 0.0
        for index in 0..<count { sum += exp(Double(logits[index] - highest)) }
        return Double(logits[target] - highest) - log(sum)
    }

    /// The index of the highest value; of equal ones the first.
    private static func best(_ values: [Double]) -> Int {
        values.indices.max { values[$0] < values[$1] || values[$0] == values[$1] && $0 > $1 } ?? 0
    }

    // MARK: Free answers

    private func addFreeAnswers(to scores: inout TaskScores) throws {
        let items = task.items.filter { $0.choices.isEmpty }
        guard !items.isEmpty else { return }
        let own = stride(from: communicator.rank, to: items.count, by: communicator.size).map { items[$0] }
        let answers = try communicator.together { () throws(Failure) in
            if own.isEmpty { return [String]() }
            return try generation.answers(to: own.map(\.prompt), shouldStop: { false }) {
                Failure(.badData, "\(task.path): line \(own[$0].line): the prompt \($1)")
            }
        }
        var values = [Double](repeating: 0, count: 2 * items.count)
        for (index, (item, answer)) in zip(own, answers).enumerated() {
            let place = communicator.rank + index * communicator.size
            let found = AnswerScores(answer: answer, expected: item.expected)
            (values[2 * place], values[2 * place + 1]) = (found.isExact ? 1 : 0, found.f1)
        }
        let all = try communicator.total(values)
        scores.freeCount = items.count
        for place in items.indices {
            scores.exactCount += Int(all[2 * place])
            scores.f1Sum += all[2 * place + 1]
        }
    }
}
