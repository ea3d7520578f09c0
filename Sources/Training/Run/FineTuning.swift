import Averaging
import Checkpoints
import Datasets
import Failures
import Files
import Inference
import Settings
import Tensors
import Texts

/// The checkpoint that a run loads its initial or frozen weights from; only rank 0 has one.
package struct StartingWeights {
    /// The parameters to load.
    private let selection: [Parameter]
    private let checkpoint: Checkpoint
    /// One note for each newer checkpoint of the run that was skipped as invalid.
    private let passedOver: [String]
    private let weights: PreciseWeights
    /// A notice that token IDs are assumed to match; nil if nothing is assumed.
    private let assumption: String?
    /// The model of another program that the checkpoint's weights come from; nil if they do not.
    let origin: ModelOrigin?
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
        guard identity.base == nil else {
            throw Failure(
                .usage,
                "fine_tuning.from: \(checkpoint.directory) is an adapter. Merge it with its base first: "
                    + "\(shellCommand("dtrain", "merge", "--checkpoint", checkpoint.directory)) --output RUN")
        }
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
        weights = try PreciseWeights(checkpoint, selection)
        guard selection.contains(where: { $0.name.hasExactSuffix("token_embedding.weight") }) else {
            // Token IDs among the settings of generation belong to the other tokenizer.
            (assumption, origin) = (nil, identity.origin.map { ModelOrigin(className: $0.className) })
            return
        }
        origin = identity.origin
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
        try weights.read(parameter, into: target)
    }

    /// The checkpoint as the base of an adapter.
    var reference: BaseReference {
        BaseReference(directory: FileSystem.absolute(checkpoint.directory), digest: checkpoint.digest)
    }

    /// The loaded parameters as one line, followed by notices on further lines.
    func summary(of layout: ParameterLayout) -> String {
        let loaded = Set(selection.map(\.name.exact))
        let drawn = layout.parameters.map(\.name).filter { !loaded.contains($0.exact) }
        let shown = drawn.prefix(4).joined(separator: ", ") + (drawn.count > 4 ? ", …" : "")
        let kind = weights.areAveraged ? "averaged weights" : "weights"
        return passedOver.map { $0 + "\n" }.joined()
            + "\(kind) from \(checkpoint.directory): \(selection.count) of \(layout.parameters.count) tensors"
            + (drawn.isEmpty ? "" : "; initial values: \(shown)")
            + (differences.isEmpty ? "" : "\nfine_tuning: the model differs from the checkpoint's: \(differences)")
            + (assumption.map { "\n\($0)" } ?? "")
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
        try forEach(selection, of: weights) { parameter, numbers in
            master.forEach(in: parameter.range) { range, master in
                master.update(from: numbers.baseAddress! + range.lowerBound - parameter.offset, count: range.count)
            }
        }
        try shareWeights()
        return weights?.summary(of: layout) ?? ""
    }

    /// Reads the frozen weights of the model. Collective: every rank calls it.
    ///
    /// - Parameter base: The checkpoint on rank 0; nil on other ranks.
    /// - Returns: A summary on rank 0; empty on other ranks.
    /// - Throws: `AgreedFailure` if the checkpoint cannot be read.
    func freeze(_ base: StartingWeights?, _ frozen: FrozenWeights<Element>) throws -> String {
        let model = replica.forwardPass.model.layout
        try forEach(model.parameters, of: base) { parameter, numbers in
            frozen.write(UnsafeBufferPointer(numbers), at: parameter.offset, communicator)
        }
        try frozen.publish()
        return base?.summary(of: model) ?? ""
    }

    /// Calls `body` with each parameter of a checkpoint in Float32, on every rank. Collective: every rank calls it.
    private func forEach(
        _ parameters: [Parameter], of weights: StartingWeights?,
        _ body: (Parameter, UnsafeMutableBufferPointer<Float>) -> Void
    ) throws {
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: parameters.map(\.count).max() ?? 0)
        defer { buffer.deallocate() }
        for parameter in parameters {
            let numbers = UnsafeMutableBufferPointer(rebasing: buffer[..<parameter.count])
            try communicator.together { () throws(Failure) in try weights?.read(parameter, into: numbers) }
            try communicator.broadcast(UnsafeMutableRawBufferPointer(numbers), from: 0)
            let magnitude = numbers.reduce(0) { max($0, abs($1)) }
            if magnitude >= largestStartingWeight?.magnitude ?? 0 {
                largestStartingWeight = (parameter.name, magnitude)
            }
            body(parameter, numbers)
        }
    }
}
