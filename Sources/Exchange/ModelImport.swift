import Checkpoints
import Conversations
import Datasets
import Failures
import Files
import Inference
import Interchange
import Resources
import Settings
import Tensors
import Tokenizers

/// Creates a checkpoint from a model of another program.
///
/// The checkpoint is at step 0 and has no optimizer state: it can be evaluated, used for generation, exported and
/// fine-tuned, but not resumed.
package struct ModelImport {
    private let reader: ModelReader
    private let configuration: Configuration
    private let facts: DatasetFacts
    /// Why the model's chat template is left out; nil if it is not.
    private let templateProblem: String?
    private let tokenizerModel: [UInt8]

    /// Opens the directory of a model, reading only the headers of its tensors.
    ///
    /// - Parameter tokenizer: `byte`, a SentencePiece model file, or nil: the file in the model's directory, which is
    ///   `tokenizer.model` or a `tokenizer.json` that dtrain exported for the byte tokenizer. If neither exists, the
    ///   model reads and writes token IDs.
    /// - Throws: `badData` if dtrain cannot represent the model, or if the tokenizer does not match it.
    package init(from directory: String, tokenizer: String?) throws(Failure) {
        guard try !AdapterReader.holdsAdapter(directory) else {
            throw Failure(
                .usage,
                "import: \(directory) is an adapter of PEFT. Name a checkpoint of the model that it adapts: --base DIR."
            )
        }
        reader = try ModelReader(directory)
        let model = reader.model
        // Generation refuses the same values.
        _ = try ImportedSettings(
            reader.generation, vocabularySize: model.vocabularySize, source: reader.generationPath)
        var (facts, tokenizerModel) = try ModelImport.facts(reader, tokenizer)
        var problem: String?
        if model.configuration.family.architecture.response == .continuation {
            do throws(Failure) {
                facts.chatTemplate = try ChatTemplate.ofTokenizer(directory)?.text
            } catch {
                // A model is of use without its template.
                guard error.exitCode == .badData else { throw error }
                problem = error.message
            }
        }
        (self.facts, self.tokenizerModel, templateProblem) = (facts, tokenizerModel, problem)
        var configuration = Configuration()
        configuration.model = model.configuration
        configuration.model.vocabularySize = model.vocabularySize
        if model.image == nil { configuration.data.contextLength = model.contextLength }
        if let labels = model.labels { configuration.objective.kind = PredictionKind(of: labels.kind).kind }
        // The parser checks the values.
        do throws(Failure) {
            let text = configuration.resolvedYAML
            self.configuration = try Configuration.parse(text, name: "\(directory)/config.json, as a configuration")
        } catch {
            throw Failure(.badData, error.message)
        }
    }

    /// Reads the tensors and commits the checkpoint to the run directory `output`.
    ///
    /// - Returns: A summary of the import, as one line.
    /// - Throws: `usage` if the directory contains a run; `badData` if the tensors do not match the model;
    ///   `inputOutput` if writing fails.
    package func write(to output: String) throws(Failure) -> String {
        let layout = reader.model.makeLayout()
        // Checks that the files are large enough for the tensors before memory for these is allocated.
        try reader.check(layout)
        try MemoryEstimate.weights(layout).require(
            "import: \(reader.modelClass.name)", available: MemoryEstimate.availableBytes(),
            remedy: "Use a larger host.")
        let identity = RunIdentity(
            imported: configuration, reader.model.sizes, layout: layout, facts, tokenizerModel: tokenizerModel,
            origin: ModelOrigin(className: reader.modelClass.name, generation: reader.generation))
        let weights = Arena<Float>(count: layout.count)
        let checkpoint = try WeightsRun(command: "import", output: output).commit(identity) { () throws(Failure) in
            try reader.load(layout, into: weights)
            return NamedArena(weights, layout).sources
        }
        return "\(checkpoint.directory): \(reader.modelClass.name), \(grouped(layout.parameterCount)) parameters, "
            + "tokenizer \(facts.tokenizer.kind.rawValue)"
            + (templateProblem.map { "; without its chat template: \($0)" } ?? "")
    }

    /// The properties of the model's dataset, as far as the files contain them.
    private static func facts(
        _ reader: ModelReader, _ choice: String?
    ) throws(Failure) -> (facts: DatasetFacts, tokenizerModel: [UInt8]) {
        let model = reader.model
        if let image = model.image {
            guard choice == nil else {
                throw Failure(.usage, "import: an image model has no tokenizer. Omit --tokenizer.")
            }
            var facts = DatasetFacts(textWith: ByteTokenizer().description)
            facts.kind = .images
            facts.labels = model.labels
            facts.imageShape = image
            return (facts, [])
        }
        let tokenizer: any Tokenizer
        let exported = choice == nil ? try reader.exportedByteTokenizer() : nil
        var source = choice
        if choice == nil, exported == nil { source = try reader.tokenizerPath() }
        if let source, source != "byte", source != "none" {
            if let name = source.exactParts(at: ":").first, TokenizerAlgorithm(rawValue: name) != nil,
                !FileSystem.exists(source)
            {
                throw Failure(
                    .usage,
                    "import: --tokenizer: found \(source); allowed: byte, or \(TokenizerSource.allowed). An imported "
                        + "model needs the tokenizer that it was trained with; none can be learned for it.")
            }
            do throws(Failure) {
                tokenizer = try TokenizerSource.load(source, special: model.special, limit: model.vocabularySize)
            } catch {
                guard choice == nil, error.exitCode == .badData else { throw error }
                throw Failure(
                    .badData,
                    "\(error.message) To import the model without its tokenizer, so that it reads and writes token IDs: "
                        + "--tokenizer none.")
            }
            try reader.check(tokenizer, name: source)
        } else if source == "byte" {
            let whole = ByteTokenizer(withSpecialTokens: true)
            tokenizer = whole.vocabularySize <= model.vocabularySize ? whole : ByteTokenizer()
            try reader.check(tokenizer, name: "--tokenizer byte")
        } else if let exported {
            tokenizer = exported
            try reader.check(tokenizer, name: "tokenizer.json")
        } else {
            tokenizer = NumberTokenizer(vocabularySize: model.vocabularySize, specialTokens: model.special)
        }
        var facts = DatasetFacts(textWith: tokenizer.description)
        let architecture = model.configuration.family.architecture
        facts.kind = PredictionKind(architecture.predictions[0]).dataset(architecture)
        facts.labels = model.labels
        return (facts, tokenizer.model)
    }
}
