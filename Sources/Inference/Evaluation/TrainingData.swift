import Collectives
import Datasets
import Failures
import Models
import Reporting
import Settings

/// The dataset of a run, its samples, and the division of a step's batch.
package struct TrainingData {
    /// The dataset.
    package let dataset: Dataset
    /// The division of a step's batch among ranks.
    package let plan: BatchPlan
    /// The model sizes that are determined by the dataset.
    package let sizes: ModelSizes
    /// The training samples. Once the prefetching thread has started, only that thread may use them.
    package let training: any Samples
    /// The validation samples; nil if the dataset has no validation split.
    package let validation: (any Samples)?
    /// The number of truncated records per split.
    package let truncated: [Split: Int]
    /// The number of records per split that are left out because none of their targets is within the context.
    package let dropped: [Split: Int]
    /// The configuration of the run.
    package let configuration: Configuration

    /// Opens the dataset of `configuration` and checks that it matches. Its content is unchecked until `verify`.
    ///
    /// - Parameter bareVocabularySize: The vocabulary size of token shards without a manifest; nil: from the
    ///   configuration.
    /// - Throws: `usage` or `badData` if the dataset does not match the configuration; `badData` if it is damaged.
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
            // A training split that is too short is rejected before anything is allocated.
            training = try configuration.makeSamples(dataset, .train)
            validation = dataset.count(.validation) == 0 ? nil : try configuration.makeSamples(dataset, .validation)
        } catch {
            // If the dataset is damaged, that is the error to report.
            if error.exitCode == .badData { try dataset.verifyShards() }
            throw error
        }
        truncated = [.train: training.truncatedCount, .validation: validation?.truncatedCount ?? 0]
        dropped = [.train: training.droppedCount, .validation: validation?.droppedCount ?? 0]
    }

    /// The length of the longest training sequence in tokens; for pairs, the longest source or target, whichever is
    /// shorter.
    ///
    /// - Complexity: O(records), reading only their lengths; O(1) for text.
    package func longestPositions() throws(Failure) -> Int {
        let columns = dataset.kind.columns
        if columns.isEmpty { return sizes.contextLength }
        var (longest, longestSource) = (1, columns.contains(.source) ? 1 : sizes.contextLength)
        for sample in 0..<training.count {
            var length = try training.length(of: sample)
            if columns.contains(.source) {
                longestSource = max(longestSource, length % (sizes.contextLength + 1))
                length /= sizes.contextLength + 1
            }
            longest = max(longest, length)
        }
        return min(longest, longestSource, sizes.contextLength)
    }

    /// Verifies the hash of every shard and the range of every token. Collective: every rank calls it before it reads
    /// any data. Each host verifies its own copy, with the files divided among its ranks.
    ///
    /// - Parameters:
    ///   - splits: The splits that will be read.
    ///   - beat: Called regularly, to report progress to the watchdog.
    /// - Throws: `AgreedFailure` with `badData`, naming the file, and the host if there are several.
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
    /// The number of tokens in a split of a text dataset; for other datasets, the number of records.
    package func count(_ split: Split) -> Int { kind == .text ? tokenCount(split) : recordCount(split) }
}
