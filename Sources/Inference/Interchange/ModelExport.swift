import Files
import Checkpoints
import Failures
import Interchange
import Resources
import Settings
import Tensors

/// Exports the model of a checkpoint to the format of another program.
package struct ModelExport {
    private let checkpoint: Checkpoint
    private let identity: CheckpointIdentity
    private let model: PortableModel
    /// The class of the model in the other program.
    private let modelClass: ModelClass

    /// Opens a checkpoint without reading its tensors.
    ///
    /// - Throws: `badData` if the checkpoint is invalid; `usage` if no class of the other program can represent its
    ///   model.
    package init(checkpoint directory: String) throws(Failure) {
        checkpoint = try Checkpoint.open(directory)
        identity = try CheckpointIdentity(checkpoint)
        model = PortableModel(
            identity.configuration.model, identity.sizes, labels: identity.facts.labels,
            special: identity.facts.tokenizer.specialTokens)
        modelClass = try ModelClass.holding(model)
    }

    /// Verifies the checkpoint and writes its model in Float32 to `directory`.
    ///
    /// - Parameters:
    ///   - choice: The weights to export; nil: the moving average if there is one.
    ///   - progress: As for `Checkpoint.verify`.
    /// - Returns: A summary of the export, as one line.
    /// - Throws: `usage` if the directory contains other files; `badData` for a damaged checkpoint; `inputOutput` if
    ///   writing fails.
    package func write(
        to directory: String, _ choice: WeightChoice? = nil, progress: (_ done: Int, _ total: Int) -> Void
    ) throws(Failure) -> String {
        let output = try ExportDirectory(claiming: directory)
        /// The note about the tokenizer.
        var tokenizer: String?
        do throws(Failure) {
            try checkpoint.verify(progress: progress)
            let layout = model.makeLayout()
            try MemoryEstimate.weights(layout).require(
                "export: \(checkpoint.directory)", available: MemoryEstimate.availableBytes(),
                remedy: "Use a larger host.")
            let weights = Arena<Float>(count: layout.count)
            try loadWeights(checkpoint, layout, into: weights, precision: identity.configuration.precision, choice)
            let writer = try ModelWriter(modelClass, model, to: output.staging)
            if identity.facts.kind != .images { tokenizer = try writer.write(identity.makeTokenizer()) }
            try writer.write(layout, weights)
        } catch {
            let failure = error.naming(directory, insteadOf: output.staging)
            // The original error matters more than one of the cleanup.
            try? output.discard()
            throw failure
        }
        try output.complete()
        return "\(directory): \(modelClass.name), \(grouped(model.makeLayout().parameterCount)) parameters"
            + (tokenizer.map { "; \($0)" } ?? "")
    }
}
