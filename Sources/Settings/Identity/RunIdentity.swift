import Checkpoints
import Datasets
import Failures
import Texts
import Files
import Models
import Tensors

/// What makes two runs the same run: ranks compare it before step 0, and a checkpoint carries it.
package struct RunIdentity {
    package let configuration: Configuration
    package let sizes: ModelSizes
    package let layoutDigest: String
    package let datasetDigest: String
    package let facts: DatasetFacts
    /// The bytes of the tokenizer's model, empty where it has none.
    package let tokenizerModel: [UInt8]
    /// The digest of the checkpoint that the run was told to continue from, so that its own checkpoints are recognized as
    /// descendants of it.
    package var resumedFrom: String?

    package init(_ configuration: Configuration, _ dataset: Dataset, _ sizes: ModelSizes, layout: ParameterLayout) {
        self.configuration = configuration
        self.sizes = sizes
        layoutDigest = layout.digest()
        datasetDigest = dataset.digest
        facts = dataset.facts
        tokenizerModel = dataset.tokenizerModel
    }

    /// The identity of a model that was made elsewhere, on data that nobody knows.
    package init(
        imported configuration: Configuration, _ sizes: ModelSizes, layout: ParameterLayout, _ facts: DatasetFacts,
        tokenizerModel: [UInt8]
    ) {
        (self.configuration, self.sizes, self.facts) = (configuration, sizes, facts)
        (layoutDigest, datasetDigest) = (layout.digest(), "")
        self.tokenizerModel = tokenizerModel
    }

    /// The identity as a checkpoint's manifest holds it.
    package var json: JSON {
        let members: [JSON.Member] = [
            .init("configuration", .string(configuration.resolvedYAML)),
            .init("layout", .string(layoutDigest)),
            .init("dataset", .string(datasetDigest)),
            .init("vocabulary_size", .integer(sizes.vocabularySize)),
            .init("data", facts.json),
        ]
        return .object(members + (resumedFrom.map { [.init("resumed_from", .string($0))] } ?? []))
    }
}
