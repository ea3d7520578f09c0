import Collectives
import Datasets
import Failures
import Files
import Inference
import Numbers
import Reporting
import Settings

/// The evaluation during training: of the validation split, or those of the datasets of a mixture, and of files of
/// questions.
struct Validation<Element: Storage> {
    /// The splits, with their names if they are those of a mixture.
    private let splits: [(name: String?, batches: EvaluationBatches, memory: Batch)]
    private let tasks: TaskValidation<Element>?
    private let communicator: any Communicator
    /// Whether there is nothing to evaluate.
    var isEmpty: Bool { splits.isEmpty && tasks == nil }

    /// Opens the validation data. Collective: every rank calls it.
    ///
    /// - Throws: `AgreedFailure` with `usage` if the configuration needs a validation loss, and the data have no
    ///   validation split.
    init(
        _ configuration: Configuration, _ data: TrainingData, _ tasks: TaskValidation<Element>?,
        _ communicator: any Communicator
    ) throws {
        (self.tasks, self.communicator) = (tasks, communicator)
        splits = try communicator.together { () throws(Failure) in
            try data.evaluatedSplits.map { name, samples throws(Failure) in
                let batches = EvaluationBatches(
                    samples, sequencesPerBatch: data.plan.sequencesPerSlot, seed: UInt64(configuration.run.seed))
                return (name, batches, try batches.makeBatch())
            }
        }
        let needsSplit = !ValidationMetric.ofTasks.contains(configuration.training.metric)
        if configuration.training.patience > 0, needsSplit, splits.isEmpty {
            throw AgreedFailure(
                Failure(
                    .usage,
                    "training.patience: found \(configuration.training.patience); allowed: 0 for a dataset without a "
                        + "validation split, which cannot be evaluated"))
        }
    }

    /// Evaluates once. Collective: every rank calls it.
    ///
    /// - Returns: The same on all ranks and for any number of them; nil on all ranks if any was stopped.
    func run(_ forwardPass: ForwardPass<Element>, unless shouldStop: @escaping () -> Bool) throws -> Result? {
        var result = Result()
        var all: [Scores] = []
        for split in splits {
            guard
                let scores = try forwardPass.scores(
                    of: split.batches, split.memory, communicator, unless: shouldStop)
            else { return nil }
            all.append(scores)
            if let name = split.name { result.losses.append((name, scores.loss)) }
        }
        if !all.isEmpty { result.scores = all.count == 1 ? all[0] : Scores(of: all) }
        if let tasks {
            guard let answered = try tasks.run(unless: shouldStop) else { return nil }
            (result.tasks, result.taskParts) = answered
        }
        return result
    }

    /// The results of an evaluation during training.
    struct Result {
        /// The scores on the validation split; nil if there is none.
        fileprivate(set) var scores: Scores?
        /// The losses on the parts of a mixture.
        fileprivate(set) var losses: [(name: String, loss: Double)] = []
        fileprivate var tasks: TaskValidation<Element>.Metrics = []
        fileprivate var taskParts: [(name: String, metrics: TaskValidation<Element>.Metrics)] = []

        /// The named metrics, among which is the one that training watches.
        var named: [(metric: ValidationMetric, value: Double)] { (scores?.named ?? []) + tasks }

        /// The metrics as members of a JSON object, followed by those of parts.
        var members: [JSON.Member] {
            func member(_ metric: ValidationMetric, _ value: Double, of part: String? = nil) -> JSON.Member {
                .init(metric.rawValue + (part.map { "_\($0)" } ?? ""), .number(value))
            }
            return named.map { member($0, $1) } + losses.map { member(.loss, $1, of: $0) }
                + taskParts.flatMap { part in part.metrics.map { member($0, $1, of: part.name) } }
        }

        /// The metrics as a line, and one more for parts.
        ///
        /// - Parameter isUnsmoothed: Whether to state that the loss has no label smoothing, unlike the training loss.
        func lines(isUnsmoothed: Bool) -> (whole: String, parts: [String]) {
            let parts = taskParts.map { "  \($0.name): \(metricsText($0.metrics))" }
            let losses = losses.map { "\($0.name) \(fixed($0.loss, 4))" }.joined(separator: ", ")
            return (
                "validation \(metricsText(named, isUnsmoothed: isUnsmoothed))",
                (losses.isEmpty ? [] : ["  loss of \(losses)"]) + parts
            )
        }
    }
}
