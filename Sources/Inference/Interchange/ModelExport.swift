import Checkpoints
import Datasets
import Failures
import Files
import Interchange
import Reporting
import Resources
import Settings
import Tensors

/// Writes the model of a checkpoint as another program reads it.
package struct ModelExport {
    private let checkpoint: Checkpoint
    private let identity: CheckpointIdentity
    private let model: PortableModel
    /// The class that the model is there.
    private let modelClass: ModelClass

    /// Opens a checkpoint; its tensors are not read yet.
    ///
    /// - Throws: `badData` where it makes no sense, `usage` where no class of the other program can hold its model.
    package init(checkpoint directory: String) throws(Failure) {
        checkpoint = try Checkpoint.open(directory)
        identity = try CheckpointIdentity(checkpoint)
        model = PortableModel(
            identity.configuration.model, identity.sizes, labels: identity.facts.labels,
            special: identity.facts.tokenizer.specialTokens)
        modelClass = try ModelClass.holding(model)
    }

    /// Verifies the checkpoint and writes its model, in Float32, into `directory`.
    ///
    /// - Parameters:
    ///   - choice: nil for the averaged weights where there are any.
    ///   - progress: As for `Checkpoint.verify`.
    /// - Returns: What was written, in a line.
    /// - Throws: `usage` where the directory holds something else, `badData` for a damaged checkpoint, `inputOutput` where
    ///   the disk does not take it.
    package func write(
        to directory: String, _ choice: WeightChoice? = nil, progress: (_ done: Int, _ total: Int) -> Void
    ) throws(Failure) -> String {
        let output = try ExportDirectory(claiming: directory)
        /// What is said of the tokenizer.
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
            // The failure that led here says more than one to clean up.
            try? output.discard()
            throw failure
        }
        try output.complete()
        return "\(directory): \(modelClass.name), \(grouped(model.makeLayout().parameterCount)) parameters"
            + (tokenizer.map { "; \($0)" } ?? "")
    }
}
