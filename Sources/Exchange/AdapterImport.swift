import Checkpoints
import Failures
import Files
import Inference
import Interchange
import Resources
import Settings
import Tensors

/// Creates a checkpoint of an adapter from the files of the library PEFT.
package struct AdapterImport {
    private let reader: AdapterReader
    private let base: Checkpoint
    private let identity: CheckpointIdentity

    /// Opens an adapter and the model that it adapts, reading only the headers of the tensors.
    ///
    /// - Parameters:
    ///   - directory: The directory of the adapter.
    ///   - base: A checkpoint of the model, or a run (its newest checkpoint).
    /// - Throws: `usage` if `base` is an adapter itself; `badData` if the adapter does not fit the model.
    package init(from directory: String, base: String) throws(Failure) {
        self.base = try Checkpoint.find(base).checkpoint
        identity = try CheckpointIdentity(self.base)
        guard identity.base == nil else {
            throw Failure(
                .usage, "import: --base: \(self.base.directory) is an adapter itself. Merge it first (dtrain merge).")
        }
        let model = PortableModel(
            identity.configuration.model, identity.sizes, labels: identity.facts.labels,
            special: identity.facts.tokenizer.specialTokens)
        reader = try AdapterReader(directory, for: model, identity.layout)
    }

    /// Reads the adapter and commits its checkpoint to the run directory `output`.
    ///
    /// - Returns: A summary of the import, as one line.
    /// - Throws: `usage` if the directory contains a run; `badData` if tensors are missing or of another rank;
    ///   `inputOutput` if writing fails.
    package func write(to output: String) throws(Failure) -> String {
        var configuration = identity.configuration
        configuration.fineTuning = FineTuningConfiguration()
        (configuration.fineTuning.from, configuration.fineTuning.lora) = (base.directory, reader.adaptation)
        configuration.precision = .float32
        configuration.training.emaDecay = 0
        let layout = configuration.model.layout(identity.sizes, reader.adaptation)
        try MemoryEstimate.weights(layout.trained).require(
            "import", available: MemoryEstimate.availableBytes(), remedy: "Use a larger host.")
        let weights = Arena<Float>(count: layout.trained.count)
        var own = RunIdentity(
            identity, configuration, layout: layout.trained, tokenizerModel: try base.tokenizerModel())
        own.base = BaseReference(directory: FileSystem.absolute(base.directory), digest: base.digest)
        let checkpoint = try WeightsRun(command: "import", output: output).commit(own) { () throws(Failure) in
            try base.verify()
            try reader.load(layout, into: weights)
            return NamedArena(weights, layout.trained).sources
        }
        return "\(checkpoint.directory): PEFT, \(counted(layout.adapters.count, "adapter")) of rank "
            + "\(reader.adaptation.rank), \(grouped(layout.trained.parameterCount)) parameters"
    }
}
