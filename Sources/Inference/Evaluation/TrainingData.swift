import Collectives
import Datasets
import Failures
import Interchange
import Models
import Reporting
import Settings

/// The dataset of a run, and how a step's batch is divided.
package struct TrainingData {
    package let dataset: Dataset
    package let plan: BatchPlan
    /// What the data decides about the model.
    package let sizes: ModelSizes
    /// What is trained on: for the thread that reads ahead, and for nobody else once that has started.
    package let training: any Samples
    /// nil where the dataset has no validation split.
    package let validation: (any Samples)?
    /// The records of each split that lose what is beyond the context.
    package let truncated: [Split: Int]
    /// The configuration that names the dataset.
    package let configuration: Configuration

    /// Opens the dataset that `configuration` names and checks that it fits. Nothing of it is trusted before `verify`.
    ///
    /// - Parameter bareVocabularySize: The vocabulary of shards without a manifest; nil where the configuration says it.
    package init(
        _ configuration: Configuration, _ communicator: any Communicator, bareVocabularySize: Int? = nil
    ) throws(Failure) {
        self.configuration = configuration
        plan = try BatchPlan(
            sequences: configuration.batch.sequences, slots: configuration.batch.slots, rank: communicator.rank,
            worldSize: communicator.size)
        let asked = configuration.model.vocabularySize
        dataset = try Dataset.open(
            configuration.data.directory, vocabularySize: bareVocabularySize ?? (asked > 0 ? asked : nil))
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

    /// The positions of the longest sequence that is trained on; of pairs, on the side that has fewer.
    ///
    /// - Complexity: O(records), none of which is read; O(1) for text.
    package func longestPositions() throws(Failure) -> Int {
        guard dataset.kind == .parallel || dataset.kind == .labelled else { return sizes.contextLength }
        var (longest, longestSource) = (1, dataset.kind == .parallel ? 1 : sizes.contextLength)
        for sample in 0..<training.count {
            var length = try training.length(of: sample)
            if dataset.kind == .parallel {
                longestSource = max(longestSource, length % (sizes.contextLength + 1))
                length /= sizes.contextLength + 1
            }
            longest = max(longest, length)
        }
        return min(longest, longestSource, sizes.contextLength)
    }

    /// Compares the hash of every shard with the manifest's, and every token with the vocabulary. Every rank calls it before
    /// it reads anything. Each host looks at its own copy: its ranks share the files among them.
    ///
    /// - Parameters:
    ///   - splits: What is going to be read.
    ///   - beat: Called now and then.
    /// - Throws: `AgreedFailure` with `badData`, naming the host where there are several, and the file.
    package func verify(
        _ communicator: any Communicator, _ console: Console? = nil, splits: [Split] = Split.allCases,
        beat: () -> Void = {}
    ) throws {
        try communicator.together { () throws(Failure) in
            do throws(Failure) {
                try dataset.verifyShards(splits, part: communicator.localRank, of: communicator.localSize) {
                    done, total in
                    beat()
                    if total > 1 << 30 { console?.draw("verifying the dataset: \(100 * done / total) %") }
                }
            } catch {
                throw communicator.namingHost(error)
            }
        }
    }
}

extension Dataset {
    /// The tokens of a split of text, or the records of another one.
    package func count(_ split: Split) -> Int { kind == .text ? tokenCount(split) : recordCount(split) }
}
