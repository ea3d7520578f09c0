import Checkpoints
import Datasets
import Failures
import Files
import Models
import Tokenizers

/// The description of a run in the manifest of its checkpoint.
package struct CheckpointIdentity {
    /// The run's configuration.
    package let configuration: Configuration
    /// The model sizes that are determined by the run's data.
    package let sizes: ModelSizes
    /// The properties of the dataset: tokenizer, special tokens, labels, image size.
    package let facts: DatasetFacts
    /// The digest of the layout of the trained parameters.
    package let layoutDigest: String
    /// The digest of the dataset; empty for an imported model.
    package let datasetDigest: String
    /// The digest of the checkpoint that `--resume` named.
    package let resumedFrom: String?
    /// The base of an adapter; nil for a whole model.
    package let base: BaseReference?
    /// The model of another program that the weights come from; nil if they do not, or in older checkpoints.
    package let origin: ModelOrigin?
    /// Whether the model was imported, so that there is no training run to resume.
    package var isImported: Bool { datasetDigest.isEmpty }
    private let checkpoint: Checkpoint

    /// Reads the identity from the manifest of `checkpoint`.
    ///
    /// - Throws: `badData` if a part is missing or invalid.
    package init(_ checkpoint: Checkpoint) throws(Failure) {
        let identity = checkpoint.identity
        guard let text = identity["configuration"]?.stringValue, let layout = identity["layout"]?.stringValue,
            let dataset = identity["dataset"]?.stringValue, let vocabulary = identity["vocabulary_size"]?.integerValue,
            let facts = CheckpointIdentity.facts(identity), vocabulary >= 0
        else {
            throw Failure(
                .badData,
                "\(checkpoint.directory): its manifest does not describe the model, the dataset or the configuration.")
        }
        do throws(Failure) {
            configuration = try Configuration.parse(
                text, name: "\(checkpoint.directory)/manifest.json: configuration", isRecorded: true)
            sizes = try configuration.sizes(of: facts, vocabularySize: vocabulary, name: checkpoint.directory)
        } catch {
            throw Failure(.badData, error.message)
        }
        self.facts = facts
        (layoutDigest, datasetDigest) = (layout, dataset)
        resumedFrom = identity["resumed_from"]?.stringValue
        origin = ModelOrigin(identity["imported"])
        base = identity["base"].flatMap(BaseReference.init)
        guard (base != nil) == (configuration.fineTuning.adaptation != nil) else {
            throw Failure(
                .badData,
                "\(checkpoint.directory): its manifest must name a base checkpoint if and only if its configuration has "
                    + "fine_tuning.lora.")
        }
        self.checkpoint = checkpoint
    }

    /// Creates the tokenizer that is stored in the checkpoint.
    ///
    /// - Throws: `badData` if the tokenizer's model was altered.
    package func makeTokenizer() throws(Failure) -> any Tokenizer {
        try Tokenizers.makeTokenizer(
            facts.tokenizer, vocabularySize: sizes.vocabularySize, allowsPadding: true,
            model: checkpoint.tokenizerModel(),
            source: checkpoint.directory)
    }

    /// Older checkpoints describe only the tokenizer; their data was always text.
    private static func facts(_ identity: JSON) -> DatasetFacts? {
        if let data = identity["data"] { return DatasetFacts(data) }
        return identity["tokenizer"].flatMap(TokenizerDescription.init).map(DatasetFacts.init(textWith:))
    }
}
