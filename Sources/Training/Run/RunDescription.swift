import Datasets
import Failures
import Models
import Optimizers
import Reporting
import Settings
import Tensors
import Texts

/// Messages that describe a run before its first step and after its last.
struct RunDescription {
    let configuration: Configuration
    let facts: DatasetFacts
    let sizes: ModelSizes

    /// The model.
    ///
    /// - Parameter parameters: The number of its parameters.
    package func model(parameters: Int) -> String {
        let model = configuration.model
        let layers =
            model.family.architecture.hasEncoder
            ? "\(model.layers) + \(model.targetLayers) layers" : counted(model.layers, "layer")
        let heads =
            counted(model.heads, "head")
            + (model.keyHeads == model.heads ? "" : ", \(counted(model.keyHeads, "KV head"))")
        let parts = [layers, heads, "width \(model.width)"] + input + output
        return "model: \(model.family.rawValue), \(grouped(parameters)) parameters (\(parts.joined(separator: ", ")))"
    }

    /// The model's input.
    private var input: [String] {
        guard let image = sizes.image else {
            return ["context \(sizes.contextLength)", "vocabulary \(sizes.vocabularySize)"]
        }
        let patch = configuration.model.patchSize
        return [
            "\(counted(image.patchCount(patch), "patch", "es")) of \(patch) × \(patch) pixels in images of \(image.height) × "
                + "\(image.width)\(image.channels > 1 ? " × \(image.channels)" : "")"
        ]
    }

    /// The model's outputs, unless they are tokens.
    private var output: [String] {
        configuration.prediction.outputs.map { [counted(sizes.outputs, $0.name, $0.plural)] } ?? []
    }

    /// The adapters of a model with `layout`; nil if it has none.
    func adapters(_ layout: ParameterLayout) -> String? {
        guard let lora = layout.adaptation else { return nil }
        let (trained, all) = (layout.trained.parameterCount, layout.parameterCount)
        return "LoRA: rank \(lora.rank), alpha \(plain(lora.alpha)), \(counted(layout.adapters.count, "adapter")) of "
            + "\(lora.targets.joined(separator: ", ")): \(grouped(trained)) parameters are trained "
            + "(\(fixed(100 * Double(trained) / Double(all), 2)) %), the others are frozen"
    }

    /// The frozen parameters; nil if all are trained.
    func frozen(_ layout: ParameterLayout) throws(Failure) -> String? {
        let rules = try ParameterRules(configuration.optimizer, layout).indices
        let frozen = zip(layout.parameters, rules).filter { $0.1 == nil }.map(\.0)
        if frozen.isEmpty { return nil }
        return "frozen: \(frozen.count) of \(layout.parameters.count) tensors, "
            + "\(grouped(frozen.reduce(0) { $0 + $1.count })) of \(grouped(layout.parameterCount)) parameters: "
            + shortList(frozen.map(\.name))
    }

    /// How the losses of training and validation differ; nil if they do not.
    var smoothing: String? {
        let smoothing = configuration.objective.labelSmoothing
        if smoothing == 0 { return nil }
        return
            "loss: with label smoothing in training (objective.label_smoothing \(plain(smoothing))), without it "
            + "in validation"
    }

    /// The data.
    ///
    /// - Parameters:
    ///   - count: The number of tokens in a split of a text dataset; for other datasets, the number of records.
    ///   - truncated: The number of records of a split that are truncated to the context length.
    ///   - dropped: The number of records of a split that are left out.
    func data(
        _ directory: String, count: (Split) -> Int, truncated: (Split) -> Int, dropped: (Split) -> Int
    ) -> String {
        var line =
            "data: \(directory), \(grouped(count(.train))) training and \(grouped(count(.validation))) validation "
            + "\(facts.kind == .text ? "tokens" : facts.kind.recordName)"
        if truncated(.train) + truncated(.validation) > 0 {
            line +=
                "; \(grouped(truncated(.train))) and \(grouped(truncated(.validation))) of them are longer than the "
                + "context and are truncated"
        }
        if dropped(.train) + dropped(.validation) > 0 {
            line +=
                "; \(grouped(dropped(.train))) and \(grouped(dropped(.validation))) of them have no answer within the "
                + "context and are left out"
        }
        return line
    }

    /// The batch of a step.
    var batch: String {
        let (batch, data) = (configuration.batch, configuration.data)
        let tokens = grouped(batch.sequences * sizes.contextLength)
        let names = facts.kind == .text ? "sequences" : facts.kind.recordName
        let line =
            "batch: \(counted(batch.sequences, names.withoutExactSuffix("s") ?? names)) per step in \(counted(batch.slots, "slot"))"
        let pool =
            data.lengthPool > 1 ? ", of similar length within \(counted(data.lengthPool, "batch", "es"))" : ""
        if facts.kind == .text { return "\(line), \(tokens) tokens" }
        let columns = facts.kind.columns.count
        return columns == 0
            ? line : "\(line), at most \(tokens) tokens\(facts.kind == .parallel ? " per side" : "")\(pool)"
    }

    /// A command that uses the checkpoint `directory`.
    func use(of directory: String) -> String {
        guard sizes.image == nil else {
            return "evaluate it: \(shellCommand("dtrain", "evaluate", "--checkpoint", directory))"
        }
        let example = configuration.prediction.example
        if configuration.prediction.kind == .chat {
            return "\(example.action): \(shellCommand("dtrain", "generate", "--checkpoint", directory, "--chat"))"
        }
        // Without a tokenizer, prompts are token IDs.
        let prompt = facts.tokenizer.kind == .none ? "1 2 3" : example.prompt
        let command = shellCommand("dtrain", "generate", "--checkpoint", directory, "--prompt", prompt)
        return "\(example.action): \(command)"
    }
}
