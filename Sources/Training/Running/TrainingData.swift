import Collectives
import Datasets
import Failures
import Models

/// The dataset of a run, and how a step's batch is divided.
struct TrainingData {
    let dataset: Dataset
    let plan: BatchPlan
    /// What the data decides about the model.
    let sizes: ModelSizes
    /// What is trained on: for the thread that reads ahead, and for nobody else once that has started.
    let training: any Samples
    /// nil where the dataset has no validation split.
    let validation: (any Samples)?
    /// The records of each split that lose what is beyond the context.
    let truncated: [Split: Int]
    private let configuration: Configuration

    /// Opens the dataset that `configuration` names and checks that it fits.
    init(_ configuration: Configuration, _ communicator: any Communicator) throws(Failure) {
        self.configuration = configuration
        plan = try BatchPlan(
            sequences: configuration.batch.sequences, slots: configuration.batch.slots, rank: communicator.rank,
            worldSize: communicator.size)
        let asked = configuration.model.vocabularySize
        dataset = try Dataset.open(configuration.data.directory, vocabularySize: asked > 0 ? asked : nil)
        sizes = try configuration.sizes(
            of: dataset.facts, vocabularySize: dataset.vocabularySize, name: dataset.directory)
        do throws(Failure) {
            // A training split that is too short is refused before anything is allocated.
            training = try configuration.makeSamples(dataset, .train)
            validation = dataset.count(.validation) == 0 ? nil : try configuration.makeSamples(dataset, .validation)
        } catch {
            // Data that do not fit may be damaged data, which is what then has to be told.
            if error.exitCode == .badData { try dataset.verifyShards() }
            throw error
        }
        truncated = [.train: training.truncatedCount, .validation: validation?.truncatedCount ?? 0]
    }

    /// What a person is told of the data and of the model for them.
    var description: RunDescription {
        RunDescription(configuration: configuration, facts: dataset.facts, sizes: sizes)
    }

    /// Compares the hash of every shard with the manifest's. Rank 0 does it for all.
    func verify(_ communicator: any Communicator, _ console: Console, _ heartbeats: Heartbeats) throws {
        let dataset = dataset
        // The beats of rank 0 are seen on its own node.
        _ = try heartbeats.allowing(bytes: dataset.recordedBytes) {
            try communicator.onFirstRank { () throws(Failure) in
                try dataset.verifyShards { done, total in
                    heartbeats.beat()
                    if total > 1 << 30 { console.draw("verifying the dataset: \(100 * done / total) %") }
                }
                return ""
            }
        }
    }
}

extension Dataset {
    /// The tokens of a split of text, or the records of another one.
    func count(_ split: Split) -> Int { kind == .text ? tokenCount(split) : recordCount(split) }
}
