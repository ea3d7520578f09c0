import Checkpoints
import Collectives
import Datasets
import Failures
import Texts
import Files
import Models
import Tensors

/// What makes two runs the same run: ranks compare it before step 0, and a checkpoint carries it.
struct RunIdentity {
    let configuration: Configuration
    let sizes: ModelSizes
    let layoutDigest: String
    let datasetDigest: String
    let facts: DatasetFacts
    /// The bytes of the tokenizer's model, empty where it has none.
    let tokenizerModel: [UInt8]
    /// The digest of the checkpoint that the run was told to continue from, so that its own checkpoints are recognized as
    /// descendants of it.
    var resumedFrom: String?

    init(_ configuration: Configuration, _ dataset: Dataset, _ sizes: ModelSizes, layout: ParameterLayout) {
        self.configuration = configuration
        self.sizes = sizes
        layoutDigest = layout.digest()
        datasetDigest = dataset.digest
        facts = dataset.facts
        tokenizerModel = dataset.tokenizerModel
    }

    /// The identity of a model that was made elsewhere, on data that nobody knows.
    init(
        imported configuration: Configuration, _ sizes: ModelSizes, layout: ParameterLayout, _ facts: DatasetFacts,
        tokenizerModel: [UInt8]
    ) {
        (self.configuration, self.sizes, self.facts) = (configuration, sizes, facts)
        (layoutDigest, datasetDigest) = (layout.digest(), "")
        self.tokenizerModel = tokenizerModel
    }

    /// The identity as a checkpoint's manifest holds it.
    var json: JSON {
        let members: [JSON.Member] = [
            .init("configuration", .string(configuration.resolvedYAML)),
            .init("layout", .string(layoutDigest)),
            .init("dataset", .string(datasetDigest)),
            .init("vocabulary_size", .integer(sizes.vocabularySize)),
            .init("data", facts.json),
        ]
        return .object(members + (resumedFrom.map { [.init("resumed_from", .string($0))] } ?? []))
    }

    /// Makes sure that every rank trains the same thing, before anything is done together that depends on it.
    ///
    /// - Throws: `AgreedFailure` with `usage`, naming the first rank that differs from rank 0, and in what.
    func compareRanks(_ communicator: any Communicator) throws {
        let facts = ["the program is \(programVersion)", "the dataset is \(datasetDigest)"] + configuration.commonLines
        // One line a fact, one text a rank.
        let texts = try communicator.gather((facts + ["the model is \(layoutDigest)"]).joined(separator: "\n"))
        _ = try communicator.onFirstRank { () throws(Failure) in
            for (rank, text) in texts.enumerated() where text.exact != texts[0].exact {
                let (theirs, ours) = (text.exactParts(at: "\n"), texts[0].exactParts(at: "\n"))
                let differing = zip(theirs, ours).filter { $0.exact != $1.exact }.map { "\($0), rank 0's \($1)" }
                throw Failure(
                    .usage,
                    "rank \(rank) differs from rank 0: \(differing.joined(separator: "; ")). "
                        + "Give every host the same dtrain, configuration and data, and start again.")
            }
            return ""
        }
    }

    /// Makes sure that `checkpoint` is of this model and tokenizer, and, unless it was named by the user, of this
    /// very training.
    ///
    /// - Returns: What differs and is accepted, a line each, and whether the dataset is the same.
    /// - Throws: `usage`, saying what differs and what to do; `badData` where the checkpoint's own words make no sense.
    func accept(
        _ checkpoint: Checkpoint, named: Bool
    ) throws(Failure) -> (differences: [String], isSameDataset: Bool) {
        let theirs = try CheckpointIdentity(checkpoint)
        guard !theirs.isImported else {
            throw Failure(
                .usage,
                "\(checkpoint.directory) was imported: it has no training to go on with. Start one from its weights: "
                    + "--set \(shellWord("fine_tuning.from=\(checkpoint.directory)")), and another --output.")
        }
        var differences = configuration.trajectoryDifferences(from: theirs.configuration)
            .map { "\($0.key) is \($0.value), the checkpoint has \($0.other)" }
        if theirs.datasetDigest != datasetDigest { differences.append("the dataset is another one") }
        if let change = configuration.rateChange(from: theirs.configuration, at: checkpoint.step) {
            differences.append(change)
        }
        let wrong: String? =
            if theirs.layoutDigest != layoutDigest {
                "is of another model"
            } else if theirs.facts.tokenizer != facts.tokenizer {
                "is of another tokenizer (\(theirs.facts.tokenizer.kind.rawValue), vocabulary "
                    + "\(theirs.sizes.vocabularySize); the dataset: \(facts.tokenizer.kind.rawValue), "
                    + "vocabulary \(sizes.vocabularySize))"
            } else if theirs.facts != facts {
                "is of data of another kind, or with other labels"
            } else if theirs.configuration.precision != configuration.precision
                || theirs.configuration.optimizer.kind != configuration.optimizer.kind
                || (theirs.configuration.training.emaDecay > 0) != (configuration.training.emaDecay > 0)
            {
                "has other tensors"
            } else {
                nil
            }
        let list = differences.joined(separator: "; ")
        if let wrong {
            throw Failure(
                .usage,
                "\(checkpoint.directory) \(wrong): \(list.isEmpty ? "the vocabulary differs" : list). "
                    + "Choose another --output, or the configuration that it was written with"
                    + (checkpoint.runConfiguration.map { ": --config \(shellPath($0))" } ?? "") + ".")
        }
        guard differences.isEmpty || named else {
            throw Failure(
                .usage,
                """
                \(checkpoint.directory) is of another configuration: \(list).
                To go on from it all the same: --resume \(shellWord(checkpoint.directory))
                To start anew and set the old run aside: --resume none
                To keep both: another --output
                """)
        }
        return (differences, theirs.datasetDigest == datasetDigest)
    }
}

/// What a checkpoint says of the run that wrote it.
package struct CheckpointIdentity {
    /// The run's configuration.
    package let configuration: Configuration
    /// What the run's data decided about the model.
    package let sizes: ModelSizes
    /// What it was trained on: the tokenizer, special tokens, labels, the size of images.
    package let facts: DatasetFacts
    let layoutDigest: String
    let datasetDigest: String
    /// The digest of the checkpoint that the run was told to continue from.
    let resumedFrom: String?
    /// Whether the model was made elsewhere, so that there is no training to go on with.
    var isImported: Bool { datasetDigest.isEmpty }
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
        try Datasets.makeTokenizer(
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
