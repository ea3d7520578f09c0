import Checkpoints
import Datasets
import Files
import Models
import Tensors

/// The identity of a run: ranks compare it before step 0, and checkpoints store it.
package struct RunIdentity {
    /// The run's configuration.
    package private(set) var configuration: Configuration
    /// The model sizes that are determined by the run's data.
    package let sizes: ModelSizes
    /// The digest of the layout of the trained parameters.
    package let layoutDigest: String
    /// The digest of the dataset; empty for an imported model.
    package let datasetDigest: String
    /// The properties of the dataset: tokenizer, special tokens, labels, image size.
    package let facts: DatasetFacts
    /// The bytes of the tokenizer's model; empty if it has none.
    package let tokenizerModel: [UInt8]
    /// The digest of the checkpoint that `--resume` named. It identifies checkpoints of this run as descendants of that
    /// checkpoint.
    package var resumedFrom: String?
    /// The base of an adapter; nil for a whole model, and on ranks that do not read it.
    package var base: BaseReference?

    /// The identity of a run on `dataset`, or on a mixture with it.
    ///
    /// - Parameter datasetDigest: The digest of a mixture; nil: that of the dataset.
    package init(
        _ configuration: Configuration, _ dataset: Dataset, _ sizes: ModelSizes, layout: ParameterLayout,
        datasetDigest: String? = nil
    ) {
        self.configuration = configuration
        self.sizes = sizes
        layoutDigest = layout.digest()
        self.datasetDigest = datasetDigest ?? dataset.digest
        facts = dataset.facts
        tokenizerModel = dataset.tokenizerModel
    }

    /// The identity of an imported model, whose training data is unknown.
    package init(
        imported configuration: Configuration, _ sizes: ModelSizes, layout: ParameterLayout, _ facts: DatasetFacts,
        tokenizerModel: [UInt8]
    ) {
        (self.configuration, self.sizes, self.facts) = (configuration, sizes, facts)
        (layoutDigest, datasetDigest) = (layout.digest(), "")
        self.tokenizerModel = tokenizerModel
    }

    /// The identity of weights without a training run of their own, for the model of another checkpoint.
    ///
    /// - Parameters:
    ///   - source: The identity of the other checkpoint.
    ///   - configuration: The configuration to record in place of the checkpoint's.
    ///   - layout: The layout of the weights.
    ///   - tokenizerModel: The bytes of the checkpoint's tokenizer.
    package init(
        _ source: CheckpointIdentity, _ configuration: Configuration, layout: ParameterLayout, tokenizerModel: [UInt8]
    ) {
        (self.configuration, sizes, facts) = (configuration, source.sizes, source.facts)
        (layoutDigest, datasetDigest) = (layout.digest(), source.datasetDigest)
        self.tokenizerModel = tokenizerModel
    }

    /// The same identity with another run directory.
    package func moved(to run: RunDirectory) -> RunIdentity {
        var moved = self
        moved.configuration.run.directory = run.path
        return moved
    }

    /// The identity as it is stored in a checkpoint's manifest.
    package var json: JSON {
        let members: [JSON.Member] = [
            .init("configuration", .string(configuration.resolvedYAML)),
            .init("layout", .string(layoutDigest)),
            .init("dataset", .string(datasetDigest)),
            .init("vocabulary_size", .integer(sizes.vocabularySize)),
            .init("data", facts.json),
        ]
        let others = [
            resumedFrom.map { JSON.Member("resumed_from", .string($0)) }, base.map { JSON.Member("base", $0.json) },
        ]
        return .object(members + others.compactMap(\.self))
    }
}
