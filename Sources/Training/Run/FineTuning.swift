import Checkpoints
import Datasets
import Failures
import Inference
import Kernels
import Settings
import Tensors
import Texts

/// The checkpoint that a run loads its initial weights from; only rank 0 has one.
package struct StartingWeights {
    /// The parameters to load.
    private let selection: [Parameter]
    private let checkpoint: Checkpoint
    /// One note for each newer checkpoint of the run that was skipped as invalid.
    private let passedOver: [String]
    /// The file with the weights, and the prefix of their names in it.
    private let source: (file: String, prefix: String)
    /// A notice that token IDs are assumed to match; nil if nothing is assumed.
    private let assumption: String?
    /// How the model differs from that of the checkpoint, for a message; empty if it does not.
    private let differences: String

    /// Opens and verifies the checkpoint, and checks that it contains the selected parameters.
    ///
    /// - Parameters:
    ///   - selection: The parameters to load.
    ///   - configuration: The run's configuration, whose model is compared with that of the checkpoint.
    ///   - dataset: The run's dataset.
    /// - Throws: `usage` if a tensor is missing, has another shape, or belongs to another tokenizer; `badData` if there
    ///   is no valid checkpoint.
    init(
        _ directory: String, _ selection: [Parameter], _ configuration: Configuration, _ dataset: Dataset
    ) throws(Failure) {
        self.selection = selection
        let found = try Checkpoint.find(directory)
        let checkpoint = found.checkpoint
        passedOver = found.notes
        try found.verify()
        self.checkpoint = checkpoint
        let identity = try CheckpointIdentity(checkpoint)
        differences = configuration.modelDifferences(from: identity.configuration)
            .map { "\($0.key) is \($0.value), but \($0.other) in the checkpoint" }.joined(separator: "; ")
        let file = try checkpoint.openTensors(modelFileName)
        let problems = selection.compactMap { parameter -> String? in
            guard let tensor = file[parameter.name] else {
                let nearest = NamePattern(parameter.name).nearest(1, among: file.tensors.map(\.name))
                return
                    "\(parameter.name): its shape is \(parameter.shape) in this model, but \(checkpoint.directory) has "
                    + "no such tensor (the nearest: \(nearest.joined()))"
            }
            if tensor.shape == parameter.shape { return nil }
            return "\(parameter.name): its shape is \(parameter.shape) in this model, but \(tensor.shape) in "
                + checkpoint.directory
        }
        guard problems.isEmpty else {
            let shown = problems.prefix(3).joined(separator: "; ")
            throw Failure(
                .usage,
                "fine_tuning: \(shown)\(problems.count > 3 ? "; and \(problems.count - 3) more" : ""). "
                    + (differences.isEmpty ? "" : "Differences in the configuration: \(differences). ")
                    + "Use the same model, or list in fine_tuning.skip the tensors that keep their initial values.")
        }
        source = try StartingWeights.source(checkpoint, selection)
        guard selection.contains(where: { $0.name.hasExactSuffix("token_embedding.weight") }) else {
            assumption = nil
            return
        }
        let theirs = identity.facts.tokenizer
        switch TokenizerMatch(dataset, model: theirs, modelVocabularySize: identity.sizes.vocabularySize) {
        case .same: assumption = nil
        case .assumed: assumption = TokenizerMatch.assumption(dataset.directory, checkpoint.directory, theirs)
        case .different(let words):
            throw Failure(
                .usage,
                "fine_tuning.from: \(dataset.directory) does not fit \(checkpoint.directory): \(words). Its token embeddings "
                    + "would belong to other tokens. "
                    + TokenizerMatch.advice(
                        theirs, modelVocabularySize: identity.sizes.vocabularySize, checkpoint: checkpoint.directory,
                        dataset))
        }
    }

    /// Reads a parameter as Float32.
    func read(_ parameter: Parameter, into target: UnsafeMutableBufferPointer<Float>) throws(Failure) {
        let file = try checkpoint.openTensors(source.file)
        let name = source.prefix + parameter.name
        func read<Element: Storage>(storedAs _: Element.Type) throws(Failure) {
            let stored = UnsafeMutableBufferPointer<Element>.allocate(capacity: target.count)
            defer { stored.deallocate() }
            try file.read(name, into: UnsafeMutableRawBufferPointer(stored))
            for index in target.indices { target[index] = stored[index].float32 }
        }
        switch file[name]?.type {
        case .float16: try read(storedAs: Float16.self)
        case .bfloat16: try read(storedAs: BFloat16.self)
        default:
            try file.read(
                into: TensorDestination(
                    name: name, type: .float32, shape: parameter.shape, bytes: UnsafeMutableRawBufferPointer(target)))
        }
    }

    /// The loaded parameters as one line, followed by notices on further lines.
    func summary(of layout: ParameterLayout) -> String {
        let loaded = Set(selection.map(\.name.exact))
        let drawn = layout.parameters.map(\.name).filter { !loaded.contains($0.exact) }
        let shown = drawn.prefix(4).joined(separator: ", ") + (drawn.count > 4 ? ", …" : "")
        let kind = source.file == averagedFileName ? "averaged weights" : "weights"
        return passedOver.map { $0 + "\n" }.joined()
            + "\(kind) from \(checkpoint.directory): \(selection.count) of \(layout.parameters.count) tensors"
            + (drawn.isEmpty ? "" : "; initial values: \(shown)")
            + (differences.isEmpty ? "" : "\nfine_tuning: the model differs from the checkpoint's: \(differences)")
            + (assumption.map { "\n\($0)" } ?? "")
    }

    /// The location of the weights: the moving average if there is one, otherwise the master weights, which a run in
    /// Float16 or bfloat16 stores with the optimizer state.
    private static func source(
        _ checkpoint: Checkpoint, _ selection: [Parameter]
    ) throws(Failure) -> (file: String, prefix: String) {
        if checkpoint.tensorFileNames.contains(averagedFileName) { return (averagedFileName, "") }
        for name in checkpoint.tensorFileNames where name != modelFileName {
            let file = try checkpoint.openTensors(name)
            if selection.allSatisfy({ file[masterPrefix + $0.name]?.shape == $0.shape }) { return (name, masterPrefix) }
        }
        return (modelFileName, "")
    }
}

extension Coordinator {
    /// Replaces randomly initialized weights by those of another checkpoint, for the selected parameters. Collective:
    /// every rank calls it.
    ///
    /// - Parameters:
    ///   - weights: The checkpoint on rank 0; nil on other ranks.
    ///   - fineTuning: The selection of parameters.
    /// - Returns: The summary of `weights` on rank 0; empty on other ranks.
    /// - Throws: `AgreedFailure` if the checkpoint cannot be read.
    func start(from weights: StartingWeights?, _ fineTuning: FineTuningConfiguration) throws -> String {
        let selection = try communicator.together { () throws(Failure) in try fineTuning.selection(layout) }
        let largest = selection.map(\.count).max() ?? 0
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: largest)
        defer { buffer.deallocate() }
        for parameter in selection {
            let numbers = UnsafeMutableBufferPointer(rebasing: buffer[..<parameter.count])
            try communicator.together { () throws(Failure) in try weights?.read(parameter, into: numbers) }
            try communicator.broadcast(UnsafeMutableRawBufferPointer(numbers), from: 0)
            let magnitude = numbers.reduce(0) { max($0, abs($1)) }
            if magnitude >= largestStartingWeight?.magnitude ?? 0 {
                largestStartingWeight = (parameter.name, magnitude)
            }
            master.forEach(in: parameter.range) { range, master in
                master.update(from: numbers.baseAddress! + range.lowerBound - parameter.offset, count: range.count)
            }
        }
        try shareWeights()
        return weights?.summary(of: layout) ?? ""
    }
}
