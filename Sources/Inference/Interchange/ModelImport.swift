import Checkpoints
import Datasets
import Failures
import Files
import Interchange
import Models
import Objectives
import Reporting
import Resources
import Settings
import Tensors
import Tokenizers

/// Makes a checkpoint of a model that another program wrote.
///
/// It stands at step 0 and has no optimizer state: it is evaluated, generated from, exported and fine-tuned, not resumed.
package struct ModelImport {
    private let reader: ModelReader
    private let configuration: Configuration
    private let facts: DatasetFacts
    private let tokenizerModel: [UInt8]

    /// Opens the directory of a model; of its tensors only the headers are read.
    ///
    /// - Parameter tokenizer: `byte`, a file that SentencePiece wrote, or nil for what is beside the model: `tokenizer.model`, or
    ///   the `tokenizer.json` that an export has written for bytes; where there is neither, the model's text is token numbers.
    /// - Throws: `badData` where the model is none that can be had here, or the tokenizer another one.
    package init(from directory: String, tokenizer: String?) throws(Failure) {
        reader = try ModelReader(directory)
        let model = reader.model
        (facts, tokenizerModel) = try ModelImport.facts(reader, tokenizer)
        var configuration = Configuration()
        configuration.model = model.configuration
        configuration.model.vocabularySize = model.vocabularySize
        if model.image == nil { configuration.data.contextLength = model.contextLength }
        if let labels = model.labels { configuration.objective.kind = PredictionKind(of: labels.kind).kind }
        // What a configuration may be is written in one place.
        do throws(Failure) {
            let text = configuration.resolvedYAML
            self.configuration = try Configuration.parse(text, name: "\(directory)/config.json, as a configuration")
        } catch {
            throw Failure(.badData, error.message)
        }
    }

    /// Reads the tensors and commits the checkpoint in the run directory `output`.
    ///
    /// - Returns: What was read, and where it is now, in a line.
    /// - Throws: `usage` where the directory holds a run, `badData` for tensors that are not the model's, `inputOutput` where
    ///   the disk does not take it.
    package func write(to output: String) throws(Failure) -> String {
        let layout = reader.model.makeLayout()
        // Only what the files hold is allocated.
        try reader.check(layout)
        try MemoryEstimate.weights(layout).require(
            "import: \(reader.modelClass.name)", available: MemoryEstimate.availableBytes(),
            remedy: "Use a larger host.")
        let run = RunDirectory(output)
        let claimed = try ModelImport.claim(run)
        let checkpoint: Checkpoint
        do throws(Failure) {
            checkpoint = try commit(layout, run)
        } catch {
            // The failure that led here says more than one to clean up.
            try? claimed.discard()
            throw error
        }
        try claimed.complete()
        return "\(checkpoint.directory): \(reader.modelClass.name), \(grouped(layout.parameterCount)) parameters, "
            + "tokenizer \(facts.tokenizer.kind.rawValue)"
    }

    private func commit(_ layout: ParameterLayout, _ run: RunDirectory) throws(Failure) -> Checkpoint {
        let weights = Arena<Float>(count: layout.count)
        try reader.load(layout, into: weights)
        try run.create()
        var configuration = configuration
        configuration.run.directory = run.path
        let identity = RunIdentity(
            imported: configuration, reader.model.sizes, layout: layout, facts, tokenizerModel: tokenizerModel)
        try FileSystem.replaceContents(of: run.configuration, with: configuration.resolvedYAML)
        return try Checkpoint.commit(
            run: run, state: CheckpointState(step: 0, consumedSamples: 0), program: programVersion,
            identity: identity.json, tokenizerModel: tokenizerModel,
            files: [(modelFileName, NamedArena(weights, layout).sources)])
    }

    /// Claims the directory of a run for an import; what an interrupted one left is removed.
    private static func claim(_ run: RunDirectory) throws(Failure) -> OutputDirectory {
        let own = [run.checkpoints, run.configuration].map {
            String(decoding: $0.utf8.dropFirst(run.path.utf8.count + 1), as: UTF8.self)
        }
        let used = [run.metrics, run.lockFile]
        return try OutputDirectory(
            claiming: run.path,
            .init(
                markerName: "import.incomplete", command: "dtrain import",
                // A run that has trained since then is not the import's.
                isLeftover: { own.contains($0) && !used.contains(where: FileSystem.exists) },
                check: { names throws(Failure) in
                    for path in [run.checkpoints, run.configuration, run.metrics] where FileSystem.exists(path) {
                        throw Failure(
                            .usage, "import: --output: \(run.path) holds a run already. Choose a new directory.")
                    }
                    let foreign = names.filter { $0.utf8.first != UInt8(ascii: ".") }
                    guard foreign.isEmpty else {
                        throw Failure(
                            .usage,
                            "import: --output: \(run.path) holds \(OutputDirectory.enumerate(foreign)), which is of no "
                                + "import. Choose a new directory.")
                    }
                }))
    }

    /// What the model's data were, as far as the files tell.
    private static func facts(
        _ reader: ModelReader, _ choice: String?
    ) throws(Failure) -> (facts: DatasetFacts, tokenizerModel: [UInt8]) {
        let model = reader.model
        if let image = model.image {
            guard choice == nil else {
                throw Failure(.usage, "import: a model of images has no text, so no --tokenizer.")
            }
            var facts = DatasetFacts(textWith: ByteTokenizer().description)
            facts.kind = .images
            facts.labels = model.labels
            facts.imageShape = image
            return (facts, [])
        }
        let tokenizer: any Tokenizer
        let source = choice ?? reader.tokenizerPath
        if let source, source != "byte" {
            let bytes = try FileSystem.contents(of: source, limitBytes: TokenizerDescription.modelBytesLimit)
            tokenizer = try SentencePieceTokenizer(model: bytes, source: source)
            try reader.check(tokenizer, name: source)
        } else if source == "byte" {
            let whole = ByteTokenizer(withSpecialTokens: true)
            tokenizer = whole.vocabularySize <= model.vocabularySize ? whole : ByteTokenizer()
            try reader.check(tokenizer, name: "--tokenizer byte")
        } else if let exported = try reader.exportedByteTokenizer() {
            tokenizer = exported
            try reader.check(tokenizer, name: "tokenizer.json")
        } else {
            tokenizer = NumberTokenizer(vocabularySize: model.vocabularySize, specialTokens: model.special)
        }
        var facts = DatasetFacts(textWith: tokenizer.description)
        let architecture = model.configuration.family.architecture
        facts.kind = PredictionKind(architecture.predictions[0]).dataset(architecture)
        facts.labels = model.labels
        return (facts, (tokenizer as? SentencePieceTokenizer)?.model ?? [])
    }
}
