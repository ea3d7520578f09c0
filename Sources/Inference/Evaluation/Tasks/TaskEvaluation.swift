import Collectives
import Conversations
import Datasets
import Failures
import Files
import Kernels
import Metrics
import Models
import Settings
import Texts
import Tokenizers

/// Measures a decoder on a file of questions.
///
/// A choice is scored by the log-probability of its tokens after the prompt; one of several choices is chosen by the
/// log-probability per byte (as `acc_norm` of lm-evaluation-harness). A free answer is generated greedily, up to the
/// end of its line. A model that was trained on conversations gets the prompt as a message of the user in its chat
/// template, and its choices and answers end as the template ends an answer.
package struct TaskEvaluation {
    private let task: TaskFile
    private let trained: TrainedModel
    private let generation: Generation
    private let communicator: any Communicator
    /// Every choice of every question after its prompt; nil if no question has choices.
    private let choices: ChoiceSamples?
    /// The number of sequences that are computed at once.
    private static let batchSequences = 8

    /// Loads the checkpoint in `directory` and prepares the questions.
    ///
    /// - Throws: As `TrainedModel` and `init(_:_:_:)`.
    package init(
        _ task: TaskFile, checkpoint directory: String, weights: WeightChoice?, _ communicator: any Communicator
    ) throws {
        try self.init(task, try TrainedModel(checkpoint: directory, weights, communicator), communicator)
    }

    /// Prepares the questions for a model. Collective: every rank calls it.
    ///
    /// - Throws: `AgreedFailure` with `usage` for a model that is no decoder, if ranks have read different files, or if
    ///   there is not enough memory; with `badData` for a question that the model cannot read.
    package init(_ task: TaskFile, _ trained: TrainedModel, _ communicator: any Communicator) throws {
        var settings = GenerationSettings(checkpoint: trained.directory)
        settings.temperature = 0
        settings.decoding.tokens = 64
        settings.crops = true
        var generation = Generation(settings, trained, communicator)
        try communicator.together { () throws(Failure) in
            guard generation.response == .continuation else {
                throw Failure(
                    .usage,
                    "evaluate: --task: \(trained.directory) is a model of family "
                        + "\(trained.configuration.model.family.rawValue); questions need a decoder.")
            }
            if trained.facts.kind == .chat, let text = trained.facts.chatTemplate {
                try generation.converse(with: try ChatTemplate(parsing: text, name: trained.directory))
            } else {
                generation.settings.stops.append("\n")
            }
        }
        try communicator.requireSame(task.digest) { rank in
            Failure(
                .usage,
                "\(task.path): the file of rank \(rank) differs from that of rank 0. Give every host the same file.")
        }
        self.task = task
        self.generation = generation
        self.trained = trained
        self.communicator = communicator
        let contextLength = trained.model.sizes.contextLength
        let (sequences, inputs) = try communicator.together { () throws(Failure) in
            var sequences: [ChoiceSamples.Sequence] = []
            for item in task.items {
                for choice in item.choices {
                    sequences.append(try TaskEvaluation.sequence(item, choice, of: task, generation))
                }
            }
            let free = task.freeItems
            return (
                sequences,
                try generation.decodingInputs(of: free.map(\.prompt)) { TaskEvaluation.refusal(of: free[$0], task, $1) }
            )
        }
        choices = sequences.isEmpty ? nil : ChoiceSamples(sequences, contextLength: contextLength)
        try communicator.requireMemory(for: "the questions", remedy: "Start fewer ranks per host.") {
            var estimate = generation.memory(for: inputs, texts: inputs.count)
            if !sequences.isEmpty {
                estimate.addActivations(
                    trained.model, sequences: TaskEvaluation.batchSequences, ranks: communicator.localSize)
            }
            return estimate
        }
    }

    /// Answers all questions, which are divided among the ranks. Collective: every rank calls it.
    ///
    /// - Throws: As `run(unless:)`.
    package func run() throws -> TaskScores { try run(unless: { false })! }

    /// Answers all questions, unless stopped. Collective: every rank calls it.
    ///
    /// - Parameter shouldStop: Called before each batch of choices and before each token.
    /// - Returns: The scores, the same on all ranks and for any number of them; nil on all ranks if any was stopped.
    /// - Throws: `AgreedFailure` with `badData` if predictions are not finite.
    package func run(unless shouldStop: @escaping () -> Bool) throws -> TaskScores? {
        var wasStopped = false
        func stops() -> Bool {
            wasStopped = wasStopped || shouldStop()
            return wasStopped
        }
        var scores = TaskScores()
        try addChoices(to: &scores, unless: stops)
        try addFreeAnswers(to: &scores, unless: stops)
        return try communicator.maximum(wasStopped ? 1 : 0) == 1 ? nil : scores
    }

    // MARK: Choices

    private func addChoices(to scores: inout TaskScores, unless shouldStop: () -> Bool) throws {
        guard let choices else { return }
        let batches = EvaluationBatches(choices, sequencesPerBatch: TaskEvaluation.batchSequences, seed: 0)
        let forwardPass = ForwardPass(
            trained.model, trained.configuration.loss, weights: trained.weights,
            sequences: TaskEvaluation.batchSequences)
        let outputs = trained.model.head.outputWidth
        let own = try communicator.together { () throws(Failure) in
            let batch = try batches.makeBatch()
            var logProbabilities = [Double](repeating: 0, count: choices.count)
            for index in stride(from: communicator.rank, to: batches.count, by: communicator.size) where !shouldStop() {
                try batches.load(index, into: batch)
                let first = batches.samples(of: index).lowerBound
                _ = forwardPass.loss(of: batch) { logits, rows in
                    for (place, row) in rows.enumerated() {
                        logProbabilities[first + Int(row) / batch.positions] += logProbability(
                            of: Int(batch.fields.classTargets![Int(row)]), logits + place * outputs,
                            count: forwardPass.prediction.classes ?? outputs)
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
        for item in task.items where !item.choices.isEmpty {
            let found = Array(all[place..<place + item.choices.count])
            place += item.choices.count
            let normalized = zip(found, item.choices).map { $0 / Double($1.utf8.count) }
            scores.choiceCount += 1
            scores.rightCount += TaskEvaluation.best(found) == item.answer ? 1 : 0
            scores.normalizedRightCount += TaskEvaluation.best(normalized) == item.answer ? 1 : 0
        }
    }

    /// The tokens of a prompt with a choice; a long prompt loses its beginning.
    private static func sequence(
        _ item: TaskFile.Item, _ choice: String, of task: TaskFile, _ generation: Generation
    ) throws(Failure) -> ChoiceSamples.Sequence {
        let place = "\(task.path): line \(item.line)"
        let found: (tokens: [Int32], isInside: [Bool])
        let (prompt, answer) = (Array(item.prompt.utf8), Array(choice.utf8))
        if let conversations = generation.conversations {
            let encoded = try conversations.encode([.init(.user, prompt), .init(.assistant, answer)], place: place)
            found = (encoded.tokens, encoded.isAnswer)
        } else {
            found = try generation.tokenizer.encodeMarked(
                prompt + answer, ranges: [prompt.count..<prompt.count + answer.count])
        }
        let limit = generation.contextLength + 1
        let kept = min(found.tokens.count, limit)
        let sequence = ChoiceSamples.Sequence(
            tokens: Array(found.tokens.suffix(kept)), isChoice: Array(found.isInside.suffix(kept)))
        guard kept > 1, !sequence.isChoice[0], sequence.isChoice.contains(true) else {
            throw Failure(
                .badData,
                "\(place): a choice needs a prompt of at least one token before it, and both at most \(limit) tokens; found "
                    + "\(found.tokens.count), of which \(found.isInside.count { $0 }) are of the choice.")
        }
        return sequence
    }

    /// The index of the highest value; of equal ones the first.
    private static func best(_ values: [Double]) -> Int {
        values.indices.max { values[$0] < values[$1] || values[$0] == values[$1] && $0 > $1 } ?? 0
    }

    // MARK: Free answers

    private static func refusal(of item: TaskFile.Item, _ task: TaskFile, _ reason: String) -> Failure {
        Failure(.badData, "\(task.path): line \(item.line): the prompt \(reason)")
    }

    private func addFreeAnswers(to scores: inout TaskScores, unless shouldStop: @escaping () -> Bool) throws {
        let items = task.freeItems
        guard !items.isEmpty else { return }
        let own = stride(from: communicator.rank, to: items.count, by: communicator.size).map { items[$0] }
        let answers = try communicator.together { () throws(Failure) in
            if own.isEmpty { return [String]() }
            return try generation.answers(to: own.map(\.prompt), shouldStop: shouldStop) {
                TaskEvaluation.refusal(of: own[$0], task, $1)
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
