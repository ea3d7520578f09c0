import Checkpoints
import Failures
import Inference
import Resources
import Settings
import Tensors

/// Merges an adapter with its base to a whole model.
package struct AdapterMerge {
    private let checkpoint: Checkpoint
    private let identity: CheckpointIdentity
    private let base: String?

    /// Opens an adapter and its base without reading their tensors.
    ///
    /// - Parameters:
    ///   - directory: The checkpoint of the adapter.
    ///   - base: The directory of its base; nil: the one that the checkpoint records.
    /// - Throws: `usage` if the checkpoint is no adapter, or `base` is another checkpoint; `badData` if one is invalid.
    package init(checkpoint directory: String, base: String?) throws(Failure) {
        checkpoint = try Checkpoint.open(directory)
        identity = try CheckpointIdentity(checkpoint)
        guard let reference = identity.base else {
            throw Failure(
                .usage, "merge: --checkpoint: \(directory) is a whole model, not an adapter (fine_tuning.lora).")
        }
        _ = try reference.open(for: directory, at: base)
        self.base = base
    }

    /// Verifies both and writes the merged model to the run directory `output`, in Float32.
    ///
    /// - Parameters:
    ///   - choice: The weights of the adapter; nil: the moving average if there is one.
    ///   - progress: As for `Checkpoint.verify`.
    /// - Returns: A summary as one line.
    /// - Throws: `usage` if the directory contains a run; `badData` for a damaged checkpoint; `inputOutput` if writing
    ///   fails.
    package func write(
        to output: String, _ choice: WeightChoice? = nil, progress: (_ done: Int, _ total: Int) -> Void
    ) throws(Failure) -> String {
        var configuration = identity.configuration
        configuration.fineTuning = FineTuningConfiguration()
        configuration.precision = .float32
        configuration.training.emaDecay = 0
        let layout = configuration.model.layout(identity.sizes)
        try MemoryEstimate.weights(layout).require(
            "merge", available: MemoryEstimate.availableBytes(), remedy: "Use a larger host.")
        let whole = RunIdentity(
            identity, configuration, layout: layout, tokenizerModel: try checkpoint.tokenizerModel())
        let weights = Arena<Float>(count: layout.count)
        let merged = try WeightsRun(command: "merge", output: output)
            .commit(step: checkpoint.step, whole) { () throws(Failure) in
                try checkpoint.verify(progress: progress)
                try loadWeights(checkpoint, identity, layout, into: weights, choice, base: base)
                return NamedArena(weights, layout).sources
            }
        return "\(merged.directory): \(counted(identity.layout.adapters.count, "adapter")) merged, "
            + "\(grouped(layout.parameterCount)) parameters"
    }
}
