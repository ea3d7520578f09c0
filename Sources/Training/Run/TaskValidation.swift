import Collectives
import Datasets
import Failures
import Inference
import Kernels
import Models
import Numbers
import Resources
import Settings
import Tensors
import Texts

/// The files of questions that every evaluation of a run answers (`training.tasks`), with the model in Float32.
///
/// Adapters are merged into a copy of the weights, as `dtrain evaluate --task` does with a checkpoint.
struct TaskValidation<Element: Storage> {
    private let forwardPass: ForwardPass<Element>
    /// The layout of the model, with its adapters.
    private let layout: ParameterLayout
    /// The weights in Float32: those of the run if they are already, otherwise a copy.
    private let weights: Arena<Float>
    /// The adapters in Float32; nil if there are none.
    private let adapters: Arena<Float>?
    private let evaluations: [(name: String, metrics: [ValidationMetric], task: TaskEvaluation)]

    /// Reads the files and prepares their questions. Collective: every rank calls it.
    ///
    /// - Returns: nil if the configuration names no files.
    /// - Throws: `AgreedFailure` with `badData`, naming file and line, for a file that is no list of questions or has
    ///   one that the model cannot read; with `usage` if no question has the metric that the run watches.
    init?(
        _ configuration: Configuration, _ data: TrainingData, _ forwardPass: ForwardPass<Element>,
        _ communicator: any Communicator
    ) throws {
        let paths = configuration.training.tasks
        guard !paths.isEmpty else { return nil }
        let (files, tokenizer) = try communicator.together { () throws(Failure) in
            do throws(Failure) {
                let files = try paths.map(TaskFile.init(reading:))
                let (metric, all) = (configuration.training.metric, ValidationMetric.ofTasks)
                guard !all.contains(metric) || files.contains(where: { $0.metrics.contains(metric) }) else {
                    let allowed = all.filter { metric in files.contains { $0.metrics.contains(metric) } }
                    throw Failure(
                        .usage,
                        "training.metric: found \(metric.rawValue); allowed for the questions of training.tasks: "
                            + "\(allowed.map(\.rawValue).joined(separator: ", ")), or a metric of the validation split")
                }
                return (files, try data.dataset.makeTokenizer())
            } catch {
                throw communicator.namingHost(error)
            }
        }
        self.forwardPass = forwardPass
        let layout = forwardPass.model.layout
        self.layout = layout
        if let own = forwardPass.weights as? Arena<Float>, forwardPass.adapters == nil {
            weights = own
        } else {
            try communicator.requireMemory(
                for: "training.tasks", remedy: "Start fewer ranks per host, or leave the key out."
            ) {
                MemoryEstimate.weights(layout, copies: communicator.localSize)
            }
            weights = Arena(count: layout.count)
        }
        adapters = forwardPass.adapters.map { Arena(count: $0.count) }
        let trained = TrainedModel(
            configuration.run.directory, configuration, data.dataset.facts, tokenizer,
            Transformer<Float>(configuration.model, data.sizes), weights)
        let names = PathText.distinctNames(of: paths.map { $0.withoutExactSuffix(".jsonl") ?? $0 })
        evaluations = try zip(names, files).map { ($0, $1.metrics, try TaskEvaluation($1, trained, communicator)) }
    }

    /// Values of metrics.
    typealias Metrics = [(metric: ValidationMetric, value: Double)]

    /// Answers all questions with the current weights. Collective: every rank calls it.
    ///
    /// - Returns: The metrics on the questions of all files together and, if there are several, of each file: the same
    ///   on all ranks and for any number of them. They are NaN if predictions are not finite. nil on all ranks if any
    ///   was stopped.
    func run(unless shouldStop: @escaping () -> Bool) throws -> (
        all: Metrics, parts: [(name: String, metrics: Metrics)]
    )? {
        refreshWeights()
        var sum = TaskScores()
        var parts: [(name: String, metrics: Metrics)] = []
        do {
            for (name, _, task) in evaluations {
                guard let scores = try task.run(unless: shouldStop) else { return nil }
                sum += scores
                parts.append((name, scores.metrics))
            }
        } catch let agreed as AgreedFailure where agreed.failure.exitCode == .badData {
            let found = evaluations.flatMap(\.metrics)
            return (ValidationMetric.ofTasks.filter { found.contains($0) }.map { ($0, .nan) }, [])
        }
        return (sum.metrics, evaluations.count > 1 ? parts : [])
    }

    private func refreshWeights() {
        if let own = forwardPass.weights as? Arena<Float> {
            if own !== weights { weights.base.update(from: own.base, count: layout.count) }
        } else {
            convert(UnsafePointer(forwardPass.weights.base), into: weights.base, count: layout.count)
        }
        guard let adapters, let own = forwardPass.adapters else { return }
        convert(UnsafePointer(own.base), into: adapters.base, count: adapters.count)
        for adapter in layout.adapters { adapter.merge(adapters.base, into: weights.base) }
    }
}
