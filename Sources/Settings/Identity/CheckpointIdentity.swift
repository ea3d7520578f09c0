import Checkpoints
import Datasets
import Failures
import Files
import Models
import Tokenizers

/// What a checkpoint says of the run that wrote it.
package struct CheckpointIdentity {
    /// The run's configuration.
    package let configuration: Configuration
    /// What the run's data decided about the model.
    package let sizes: ModelSizes
    /// What it was trained on: the tokenizer, special tokens, labels, the size of images.
    package let facts: DatasetFacts
    package let layoutDigest: String
    package let datasetDigest: String
    /// The digest of the checkpoint that the run was told to continue from.
    package let resumedFrom: String?
    /// Whether the model was made elsewhere, so that there is no training to go on with.
    package var isImported: Bool { datasetDigest.isEmpty }
    private let checkpoint: Checkpoint

    /// Reads the identity in the manifest of `checkpoint`.
    ///
    /// - Throws: `badData` where a part is missing or makes no sense.
    package init(_ checkpoint: Checkpoint) throws(Failure) {
        let identity = checkpoint.identity
        guard let text = identity["configuration"]?.stringValue, let layout = identity["layout"]?.stringValue,
            let dataset = identity["dataset"]?.stringValue, let vocabulary = identity["vocabulary_size"]?.integerValue,
            let facts = CheckpointIdentity.facts(identity), vocabulary >= 0
        else {
            throw Failure(.badData, "\(checkpoint.directory): its manifest does not say what it is a checkpoint of.")
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
        self.checkpoint = checkpoint
    }

    /// Makes the tokenizer that the checkpoint carries.
    ///
    /// - Throws: `badData` where its model was altered.
    package func makeTokenizer() throws(Failure) -> any Tokenizer {
        try Tokenizers.makeTokenizer(
            facts.tokenizer, vocabularySize: sizes.vocabularySize, allowsPadding: true,
            model: checkpoint.tokenizerModel(),
            source: checkpoint.directory)
    }

    /// What older checkpoints say of their data is the tokenizer alone: it was text.
    private static func facts(_ identity: JSON) -> DatasetFacts? {
        if let data = identity["data"] { return DatasetFacts(data) }
        return identity["tokenizer"].flatMap(TokenizerDescription.init).map(DatasetFacts.init(textWith:))
    }
}
