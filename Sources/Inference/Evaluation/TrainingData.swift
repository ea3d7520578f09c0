import Collectives
import Datasets
import Failures
import Files
import Models
import Reporting
import Settings
import Texts

/// The dataset of a run or the datasets of its mixture, their samples, and the division of a step's batch.
package struct TrainingData {
    /// The dataset; of a mixture, the first one. All have the same tokenizer, labels and so on.
    package let dataset: Dataset
    /// The datasets of a mixture; without one, only `dataset`.
    package let parts: [Dataset]
    /// The identity of the data: that of the dataset, or of the datasets of a mixture with their quotas.
    package let digest: String
    /// The division of a step's batch among ranks.
    package let plan: BatchPlan
    /// The model sizes that are determined by the dataset.
    package let sizes: ModelSizes
    /// The training samples. Once the prefetching thread has started, only that thread may use them.
    package let training: any Samples
    /// The validation samples; nil if there is no validation split.
    package let validation: (any Samples)?
    /// The validation samples of each dataset of a mixture that has some, with its name; empty without a mixture.
    package let partValidation: [(name: String, samples: any Samples)]
    /// The number of truncated records per split.
    package let truncated: [Split: Int]
    /// The number of records per split that are left out because none of their targets is within the context.
    package let dropped: [Split: Int]
    /// The configuration of the run.
    package let configuration: Configuration

    /// Opens the data of `configuration` and checks that they match. Their content is unchecked until `verify`.
    ///
    /// - Parameter bareVocabularySize: The vocabulary size of token shards without a manifest; nil: from the
    ///   configuration.
    /// - Throws: `usage` or `badData` if a dataset does not match the configuration or the others; `badData` if it is
    ///   damaged.
    package init(
        _ configuration: Configuration, _ communicator: any Communicator, bareVocabularySize: Int? = nil
    ) throws(Failure) {
        self.configuration = configuration
        plan = try BatchPlan(
            sequences: configuration.batch.sequences, slots: configuration.batch.slots, rank: communicator.rank,
            worldSize: communicator.size)
        let asked = configuration.model.vocabularySize
        let mixed = configuration.data.mixture
        let directories = mixed.isEmpty ? [configuration.data.directory] : mixed.map(\.directory)
        let parts = try directories.map { directory throws(Failure) in
            try Dataset.open(directory, vocabularySize: bareVocabularySize ?? (asked > 0 ? asked : nil))
        }
        let dataset = parts[0]
        sizes = try configuration.sizes(
            of: dataset.facts, vocabularySize: dataset.vocabularySize, name: dataset.directory)
        for part in parts.dropFirst() { try TrainingData.require(part, toFit: dataset) }
        let training = try TrainingData.samples(configuration, parts, .train)
        let validation = try TrainingData.samples(configuration, parts, .validation)
        (self.dataset, self.parts) = (dataset, parts)
        if let mixture = Mixture(weights: mixed.map(\.weight)) {
            let names = TrainingData.names(parts)
            self.training = MixedSamples(training.compactMap(\.self), mixture)
            let present = validation.compactMap(\.self)
            self.validation = present.isEmpty ? nil : MixedSamples(present, nil)
            partValidation = zip(names, validation).compactMap { name, samples in samples.map { (name, $0) } }
            var digest = Digest()
            for (part, quota) in zip(parts, mixture.quotas) {
                digest.update(part.digest)
                digest.update(quota)
            }
            self.digest = digest.hexadecimal()
        } else {
            guard let samples = training[0] else { preconditionFailure("a training split is required") }
            (self.training, self.validation, partValidation) = (samples, validation[0], [])
            digest = dataset.digest
        }
        truncated = [.train: self.training.truncatedCount, .validation: self.validation?.truncatedCount ?? 0]
        dropped = [.train: self.training.droppedCount, .validation: self.validation?.droppedCount ?? 0]
    }

    /// The samples of a split of each dataset; nil for one without a validation split.
    private static func samples(
        _ configuration: Configuration, _ parts: [Dataset], _ split: Split
    ) throws(Failure) -> [(any Samples)?] {
        try parts.map { part throws(Failure) in
            if split == .validation, part.count(split) == 0 { return nil }
            do throws(Failure) {
                // A training split that is too short is rejected before anything is allocated.
                return try configuration.makeSamples(part, split)
            } catch {
                // If the dataset is damaged, that is the error to report.
                if error.exitCode == .badData { try part.verifyShards() }
                throw error
            }
        }
    }

    /// Checks that `part` can be mixed with `first`.
    private static func require(_ part: Dataset, toFit first: Dataset) throws(Failure) {
        let difference: String? =
            if part.kind != first.kind {
                "is of another kind, \(part.kind.rawValue),"
            } else if part.tokenizer != first.tokenizer || part.vocabularySize != first.vocabularySize {
                "has another tokenizer"
            } else if part.labels != first.labels {
                "has other labels"
            } else if part.imageShape != first.imageShape {
                "has images of another size"
            } else if part.chatTemplate?.exact != first.chatTemplate?.exact {
                "has another chat template"
            } else {
                nil
            }
        guard let difference else { return }
        throw Failure(
            .usage,
            "data.mixture: \(part.directory) \(difference) than \(first.directory). Prepare the datasets of a mixture in the "
                + "same way, with the tokenizer of one of them"
                + (first.tokenizer.fileName.map { ": --tokenizer \(shellPath("\(first.directory)/\($0)"))." } ?? "."))
    }

    /// The names of the datasets of a mixture; empty without one.
    var partNames: [String] { configuration.data.mixture.isEmpty ? [] : TrainingData.names(parts) }

    private static func names(_ parts: [Dataset]) -> [String] {
        PathText.distinctNames(of: parts.map(\.directory))
    }

    /// The name of the data, for people.
    package var name: String { parts.map(\.directory).joined(separator: ", ") }

    /// The number of tokens in a split of text datasets; for other datasets, the number of records.
    package func count(_ split: Split) -> Int { parts.reduce(0) { $0 + $1.count(split) } }

    /// The total size of the files that `verify` reads, in bytes.
    package func verifiedBytes() -> Int { parts.reduce(0) { $0 + $1.verifiedBytes() } }

    /// The lengths of the longest training sequences.
    ///
    /// - Complexity: O(records), reading only their lengths; O(1) for text.
    package func longestSequences() throws(Failure) -> SequenceLengths {
        let columns = dataset.kind.columns
        if columns.isEmpty { return SequenceLengths(sizes.contextLength) }
        var (longest, longestSource) = (1, 1)
        for sample in 0..<training.count {
            var length = try training.length(of: sample)
            if columns.contains(.source) {
                longestSource = max(longestSource, length % (sizes.contextLength + 1))
                length /= sizes.contextLength + 1
            }
            longest = max(longest, length)
        }
        let positions = min(longest, sizes.contextLength)
        return SequenceLengths(
            positions, source: columns.contains(.source) ? min(longestSource, sizes.contextLength) : nil)
    }

    /// The validation splits that an evaluation scores: of a mixture, those of its datasets, with their names.
    package var evaluatedSplits: [(name: String?, samples: any Samples)] {
        if !partValidation.isEmpty { return partValidation.map { ($0.name, $0.samples) } }
        return validation.map { [(nil, $0)] } ?? []
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
                for part in parts {
                    try part.verifyShards(splits, part: communicator.localRank, of: communicator.localSize) {
                        done, total in
                        beat()
                        if total > 1 << 30 { console?.draw("verifying \(part.directory): \(100 * done / total) %") }
                    }
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
