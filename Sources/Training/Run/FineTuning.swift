import Checkpoints
import Collectives
import Datasets
import Failures
import Inference
import Kernels
import Settings
import Tensors
import Texts

/// The checkpoint that a run takes its first weights from, in the hands of rank 0.
package struct StartingWeights {
    /// The parameters to load.
    private let selection: [Parameter]
    private let checkpoint: Checkpoint
    /// A line for each newer checkpoint of the run that was passed over.
    private let passedOver: [String]
    /// The file with the weights, and what their names begin with in it.
    private let source: (file: String, prefix: String)
    /// What is assumed of the tokens, in a line; nil where nothing is.
    private let assumption: String?
    /// What the model computes otherwise than the checkpoint's, for a message; empty where nothing.
    private let differences: String

    /// Opens and verifies the checkpoint, and makes sure that it has what is to be loaded.
    ///
    /// - Parameters:
    ///   - selection: The parameters to load.
    ///   - configuration: The run's, whose model is compared with the checkpoint's.
    ///   - dataset: What is trained on.
    /// - Throws: `usage` where a tensor is missing, has another shape, or belongs to another tokenizer; `badData` where
    ///   there is no valid checkpoint.
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
            .map { "\($0.key) is \($0.value), the checkpoint has \($0.other)" }.joined(separator: "; ")
        let file = try checkpoint.openTensors(modelFileName)
        let problems = selection.compactMap { parameter -> String? in
            guard let tensor = file[parameter.name] else {
                let nearest = NamePattern(parameter.name).nearest(1, among: file.tensors.map(\.name))
                return
                    "\(parameter.name): this model has it with shape \(parameter.shape), \(checkpoint.directory) has "
                    + "no such tensor (the nearest: \(nearest.joined()))"
            }
            if tensor.shape == parameter.shape { return nil }
            return "\(parameter.name): its shape is \(parameter.shape) in this model and \(tensor.shape) in "
                + checkpoint.directory
        }
        guard problems.isEmpty else {
            let shown = problems.prefix(3).joined(separator: "; ")
            throw Failure(
                .usage,
                "fine_tuning: \(shown)\(problems.count > 3 ? "; and \(problems.count - 3) more" : ""). "
                    + (differences.isEmpty ? "" : "Of the configuration: \(differences). ")
                    + "Make the models alike, or name in fine_tuning.skip what is to keep its initial values.")
        }
        source = try StartingWeights.source(checkpoint, selection)
        guard selection.contains(where: { $0.name.hasExactSuffix("token_embedding.weight") }) else {
            assumption = nil
            return
        }
        let theirs = identity.facts.tokenizer
        switch TokenizerMatch(dataset, model: theirs, modelVocabularySize: identity.sizes.vocabularySize) {
        case .same: assumption = nil
        case .assumed: assumption = TokenizerMatch.assumption(dataset.directory, checkpoint.directory)
        case .different(let words):
            throw Failure(
                .usage,
                "fine_tuning.from: \(dataset.directory) does not fit \(checkpoint.directory): \(words). Its token embeddings "
                    + "would stand for other tokens. "
                    + TokenizerMatch.advice(
                        theirs, modelVocabularySize: identity.sizes.vocabularySize, checkpoint: checkpoint.directory,
                        dataset))
        }
    }

    /// Reads a parameter as Float32.
    func read(_ parameter: Parameter, into target: UnsafeMutableBufferPointer<Float>) throws(Failure) {
        let file = try checkpoint.openTensors(source.file)
        let name = source.prefix + parameter.name
        guard file[name]?.type == .float16 else {
            return try file.read(
                into: TensorDestination(
                    name: name, type: .float32, shape: parameter.shape, bytes: UnsafeMutableRawBufferPointer(target)))
        }
        let halves = UnsafeMutableBufferPointer<Float16>.allocate(capacity: target.count)
        defer { halves.deallocate() }
        try file.read(name, into: UnsafeMutableRawBufferPointer(halves))
        for index in target.indices { target[index] = Float(halves[index]) }
    }

    /// What is loaded, in a line, and what is assumed, in another.
    func summary(of layout: ParameterLayout) -> String {
        let loaded = Set(selection.map(\.name.exact))
        let drawn = layout.parameters.map(\.name).filter { !loaded.contains($0.exact) }
        let shown = drawn.prefix(4).joined(separator: ", ") + (drawn.count > 4 ? ", …" : "")
        let kind = source.file == averagedFileName ? "averaged weights" : "weights"
        return passedOver.map { $0 + "\n" }.joined()
            + "\(kind) from \(checkpoint.directory): \(selection.count) of \(layout.parameters.count) tensors"
            + (drawn.isEmpty ? "" : "; initial values: \(shown)")
            + (differences.isEmpty ? "" : "\nfine_tuning: another model than the checkpoint's: \(differences)")
            + (assumption.map { "\n\($0)" } ?? "")
    }

    /// Where the weights are: their average where there is one, otherwise those that the optimizer updates, which a run in
    /// Float16 has beside its state.
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
    /// Takes the weights of another checkpoint instead of those drawn, as far as the configuration says. Every rank calls
    /// it.
    ///
    /// - Parameters:
    ///   - weights: Rank 0's; the others have none.
    ///   - fineTuning: Which parameters are loaded.
    /// - Returns: What was loaded, and what is assumed, in a line each.
    /// - Throws: `AgreedFailure` where the checkpoint cannot be read.
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
            forEachMaster(in: parameter.range) { range, master in
                master.update(from: numbers.baseAddress! + range.lowerBound - parameter.offset, count: range.count)
            }
        }
        try shareWeights()
        return weights?.summary(of: layout) ?? ""
    }
}
