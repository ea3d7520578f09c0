import Checkpoints
import Failures
import Files
import GGUF
import Inference
import Interchange
import Resources
import Settings
import Tensors

/// A format of models of other programs.
package enum ExportFormat: String, CaseIterable, Sendable {
    /// `config.json`, safetensors and tokenizer files of the library transformers.
    case huggingface
    /// One file for llama.cpp and programs like it.
    case gguf
    /// `adapter_config.json` and safetensors of an adapter, for the library PEFT.
    case peft
}

/// Exports the model of a checkpoint to the format of another program.
package struct ModelExport {
    private let checkpoint: Checkpoint
    private let identity: CheckpointIdentity
    private let model: PortableModel
    private let target: Target

    /// What the model is in the other program.
    private enum Target {
        case modelClass(ModelClass)
        case gguf(GGUFModel)
        case adapter(AdapterWriter)
    }

    /// Opens a checkpoint without reading its tensors.
    ///
    /// - Parameters:
    ///   - format: The format to export to.
    ///   - className: The class of transformers; nil: that of the model that was imported, or the first that can
    ///     represent the model.
    /// - Throws: `badData` if the checkpoint is invalid; `usage` if the other program cannot represent its model.
    package init(
        checkpoint directory: String, format: ExportFormat = .huggingface, className: String? = nil
    ) throws(Failure) {
        checkpoint = try Checkpoint.open(directory)
        identity = try CheckpointIdentity(checkpoint)
        model = PortableModel(
            identity.configuration.model, identity.sizes, labels: identity.facts.labels,
            special: identity.facts.tokenizer.specialTokens)
        switch format {
        case .huggingface:
            target = .modelClass(
                try ModelClass.holding(model, named: className, preferring: identity.origin?.className))
        case .peft:
            guard identity.base != nil else {
                throw Failure(
                    .usage,
                    "export: --format peft: \(directory) is a whole model, not an adapter (fine_tuning.lora). "
                        + "Allowed: huggingface, gguf.")
            }
            target = .adapter(
                AdapterWriter(
                    try ModelClass.holding(model, named: className, preferring: identity.origin?.className), model))
        case .gguf:
            guard className == nil else {
                throw Failure(.usage, "export: --class: only --format huggingface has classes. Omit it.")
            }
            target = .gguf(try GGUFModel(model))
        }
    }

    /// Verifies the checkpoint and writes its model to `directory`.
    ///
    /// - Parameters:
    ///   - choice: The weights to export; nil: the moving average if there is one.
    ///   - type: The type of the weights.
    ///   - progress: As for `Checkpoint.verify`.
    /// - Returns: A summary of the export, as one line.
    /// - Throws: `usage` if the directory contains other files, or the type does not suit the format or the weights;
    ///   `badData` for a damaged checkpoint; `inputOutput` if writing fails.
    package func write(
        to directory: String, _ choice: WeightChoice? = nil, as type: ExportType = .float32,
        progress: (_ done: Int, _ total: Int) -> Void
    ) throws(Failure) -> String {
        let output = try ExportDirectory(claiming: directory)
        let written: String
        do throws(Failure) {
            try checkpoint.verify(progress: progress)
            if case .adapter(let writer) = target {
                written = try write(writer, choice, as: type, to: output.staging)
            } else {
                written = try write(choice, as: type, to: output.staging)
            }
        } catch {
            let failure = error.naming(directory, insteadOf: output.staging)
            // The original error matters more than one of the cleanup.
            try? output.discard()
            throw failure
        }
        try output.complete()
        return "\(directory): \(written)"
    }

    /// Writes the adapter and returns a summary.
    private func write(
        _ writer: AdapterWriter, _ choice: WeightChoice?, as type: ExportType, to directory: String
    ) throws(Failure) -> String {
        let (layout, configuration) = (identity.layout, identity.configuration)
        let weights = Arena<Float>(count: layout.trained.count)
        try loadTrained(checkpoint, layout.trained, into: weights, precision: configuration.precision, choice)
        try writer.write(
            layout, weights, dropout: configuration.fineTuning.adaptation?.dropout ?? 0,
            base: identity.base?.directory ?? "", as: type, to: directory)
        return "PEFT, \(counted(layout.adapters.count, "adapter")), \(grouped(layout.trained.parameterCount)) "
            + "parameters in \(type.rawValue)"
    }

    /// Writes the whole model and returns a summary.
    private func write(
        _ choice: WeightChoice?, as type: ExportType, to directory: String
    ) throws(Failure) -> String {
        let layout = model.makeLayout()
        try MemoryEstimate.weights(layout).require(
            "export: \(checkpoint.directory)", available: MemoryEstimate.availableBytes(),
            remedy: "Use a larger host.")
        let weights = Arena<Float>(count: layout.count)
        try loadWeights(checkpoint, identity, layout, into: weights, choice)
        return try write(layout, weights, as: type, to: directory)
    }

    /// Writes the files and returns a summary of them.
    private func write(
        _ layout: ParameterLayout, _ weights: Arena<Float>, as type: ExportType, to directory: String
    ) throws(Failure) -> String {
        let parameters = "\(grouped(layout.parameterCount)) parameters in \(type.rawValue)"
        switch target {
        case .modelClass(let modelClass):
            let writer = try ModelWriter(modelClass, model, to: directory)
            let tokenizer =
                identity.facts.kind == .images
                ? nil
                : try writer.write(
                    identity.makeTokenizer(), chatTemplate: identity.facts.chatTemplate)
            try writer.write(layout, weights, as: type, generation: identity.origin?.generation ?? [])
            return "\(modelClass.name), \(parameters)" + (tokenizer.map { "; \($0)" } ?? "")
        case .gguf(let gguf):
            let vocabulary = GGUFVocabulary(try identity.makeTokenizer(), for: model)
            try gguf.write(layout, weights, as: type, vocabulary, to: directory)
            return "\(GGUFModel.fileName), \(gguf.name), \(parameters); \(vocabulary.remark)"
        case .adapter: preconditionFailure("an adapter is written without its base")
        }
    }
}
