import Collectives
import Datasets
import Failures

/// The dataset of a run, and how a step's batch is divided.
struct TrainingData {
    let dataset: Dataset
    let plan: BatchPlan
    /// V: the configuration's, or the dataset's where it says 0.
    let vocabularySize: Int
    /// nil where the dataset has no validation split.
    let validation: CausalSamples?

    /// Opens the dataset that `configuration` names and checks that it fits.
    init(_ configuration: Configuration, _ communicator: any Communicator) throws(Failure) {
        plan = try BatchPlan(
            sequences: configuration.batch.sequences, slots: configuration.batch.slots, rank: communicator.rank,
            worldSize: communicator.size)
        let asked = configuration.model.vocabularySize
        dataset = try Dataset.open(configuration.data.directory, vocabularySize: asked > 0 ? asked : nil)
        guard asked == 0 || asked >= dataset.vocabularySize else {
            throw Failure(
                .usage,
                "model.vocabulary_size: found \(asked); \(dataset.directory) has \(dataset.vocabularySize) tokens. "
                    + "Allowed: 0 (the dataset's) or at least \(dataset.vocabularySize).")
        }
        vocabularySize = asked > 0 ? asked : dataset.vocabularySize
        // A training split that is too short is refused before anything is allocated.
        _ = try CausalSamples(dataset.stream(.train), contextLength: configuration.data.contextLength)
        validation =
            dataset.tokenCount(.validation) == 0
            ? nil : try CausalSamples(dataset.stream(.validation), contextLength: configuration.data.contextLength)
    }

    /// Compares the hash of every shard with the manifest's. Rank 0 does it for all.
    func verify(_ communicator: any Communicator, _ console: Console) throws {
        let dataset = dataset
        _ = try communicator.onFirstRank { () throws(Failure) in
            try dataset.verifyShards { done, total in
                if total > 1 << 30 { console.draw("verifying the dataset: \(100 * done / total) %") }
            }
            return ""
        }
    }
}
