import Datasets
import Failures
import Files
import Inference
import Models
import Reporting
import Settings
import Tensors
import Tokenizers

/// The contents of a dataset: sizes, lengths, repetitions and labels, and the first samples as a configuration trains
/// on them.
package struct DatasetReport {
    let dataset: Dataset
    let configuration: Configuration
    let contextLength: Int
    let splits: [(split: Split, statistics: SplitStatistics)]
    let duplicates: Duplicates
    let tokenizer: any Tokenizer
    /// The samples, or why there are none.
    let preview: Result<SamplePreview, Failure>

    /// Reads the dataset in `directory` completely.
    ///
    /// - Parameters:
    ///   - file, sets: The configuration, as for training; nil and empty: the defaults for a dataset of this kind.
    ///   - samples: The number of samples to show, at most those of the first step.
    ///   - progress: Called with the number of tokens or records read so far and the total.
    /// - Throws: `badData` if the dataset is damaged, `usage` if the configuration needs a dataset of another kind.
    package init(
        _ directory: String, configuration file: String?, sets: [String], samples: Int,
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(Failure) {
        var dataset = try Dataset.open(directory)
        let defaults = file == nil ? dataset.defaultSets : []
        var configuration = try Configuration.load(file: file, sets: defaults + sets)
        configuration.data.directory = directory
        if dataset.tokenizer.kind == .none, configuration.model.vocabularySize > 0 {
            // Shards without a manifest do not tell their vocabulary.
            dataset = try Dataset.open(directory, vocabularySize: configuration.model.vocabularySize)
        }
        let sizes = try configuration.sizes(
            of: dataset.facts, vocabularySize: dataset.vocabularySize, name: directory)
        let tokenizer = try dataset.makeTokenizer()
        var sketch = DuplicateSketch()
        var splits: [(split: Split, statistics: SplitStatistics)] = []
        let counts = Split.allCases.map(dataset.count)
        let total = counts.reduce(0, +)
        var done = 0
        for (split, count) in zip(Split.allCases, counts) where count > 0 {
            let statistics = try SplitStatistics(
                dataset, split, contextLength: sizes.contextLength, tokenizer, &sketch
            ) { read in
                done += read
                progress(done, total)
            }
            splits.append((split, statistics))
        }
        // Records that are too long are an error of training, and a number here.
        var shortened = configuration
        shortened.data.truncate = dataset.kind == .parallel || dataset.kind == .labelled
        do throws(Failure) {
            preview = .success(try SamplePreview(shortened, dataset, limit: samples))
        } catch {
            preview = .failure(error)
        }
        (self.dataset, self.configuration, self.splits, self.tokenizer) = (dataset, configuration, splits, tokenizer)
        (contextLength, duplicates) = (sizes.contextLength, sketch.result)
    }

    /// The unit of `Duplicates`.
    var contents: String {
        dataset.kind == .text ? "passages of \(PassageHashes.length) tokens" : dataset.kind.recordName
    }

    /// The number of steps of an epoch; nil without samples.
    var stepsPerEpoch: Double? {
        (try? preview.get()).map { Double($0.count) / Double(configuration.batch.sequences) }
    }
}

extension Dataset {
    /// The keys by which the built-in configuration fits the dataset.
    fileprivate var defaultSets: [String] {
        switch kind {
        case .text: return []
        case .parallel: return ["model.family=encoder_decoder"]
        case .chat: return ["objective.kind=chat"]
        case .labelled:
            let prediction = labels.map { PredictionKind(of: $0.kind).kind.rawValue } ?? "auto"
            return ["model.family=classifier", "objective.kind=\(prediction)"]
        case .images:
            let sides = imageShape.map { [$0.height, $0.width] } ?? []
            let patch = [4, 3, 5, 7, 2].first { patch in sides.allSatisfy { $0.isMultiple(of: patch) } } ?? 1
            return ["model.family=image_classifier", "model.patch_size=\(patch)"]
        }
    }
}
