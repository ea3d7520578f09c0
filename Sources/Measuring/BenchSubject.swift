import Tensors
import Collectives
import Datasets
import Failures
import Files
import Models
import Settings

/// The subject of a benchmark: a configuration, and the model sizes of its dataset, if it exists.
package struct BenchSubject: Sendable {
    package private(set) var configuration: Configuration
    /// The sizes that are determined by the dataset, or default sizes.
    package let sizes: ModelSizes
    /// The dataset's directory; nil if default sizes are used.
    private let dataset: String?
    /// Why the dataset is not used.
    private let reason: String

    /// Reads the sizes from the dataset of `configuration` on rank 0, for all ranks. The dataset need not exist.
    package init(_ configuration: Configuration, _ communicator: any Communicator) throws {
        self.configuration = configuration
        let made = configuration.madeUpSizes
        let answer = try communicator.onFirstRank { () throws(Failure) in BenchSubject.ask(configuration) }
        let words = answer.exactParts(at: " ")
        let numbers = words.prefix(5).compactMap { Int($0) }
        guard numbers.count == 5, words.count == 5 else {
            (sizes, dataset, reason) = (made, nil, answer)
            return
        }
        (dataset, reason) = (configuration.data.directory, "")
        sizes =
            numbers[2] > 0
            ? ModelSizes(
                image: ImageShape(height: numbers[2], width: numbers[3], channels: numbers[4]),
                patchSize: configuration.model.patchSize, tokens: configuration.model.imageTokens, outputs: numbers[1])
            : ModelSizes(
                vocabularySize: numbers[0], contextLength: configuration.data.contextLength, outputs: numbers[1])
    }

    /// The subject with another configuration of the same data, such as one with fewer layers.
    package func with(_ configuration: Configuration) -> BenchSubject {
        var subject = self
        subject.configuration = configuration
        return subject
    }

    /// The sizes of the dataset as five integers, or the reason why it is not used.
    private static func ask(_ configuration: Configuration) -> String {
        let directory = configuration.data.directory
        do throws(Failure) {
            guard try FileSystem.isPresent(directory) else { return "\(directory) does not exist" }
            let asked = configuration.model.vocabularySize
            let dataset = try Dataset.open(directory, vocabularySize: asked > 0 ? asked : nil)
            let sizes = try configuration.sizes(
                of: dataset.facts, vocabularySize: dataset.vocabularySize, name: directory)
            let image = [sizes.image?.height, sizes.image?.width, sizes.image?.channels].map { $0 ?? 0 }
            return ([sizes.vocabularySize, sizes.outputs] + image).map(String.init).joined(separator: " ")
        } catch {
            return error.message
        }
    }

    /// The sizes and their origin, as one line.
    package var note: String {
        let what =
            if let image = sizes.image {
                "images of \(image.height) × \(image.width) × \(image.channels)"
            } else {
                "vocabulary \(grouped(sizes.vocabularySize))"
            }
        if let dataset { return "\(what), of \(dataset)" }
        return configuration.model.vocabularySize > 0 && sizes.image == nil
            ? "\(what), of model.vocabulary_size" : "\(what), synthetic data: \(reason)"
    }

    /// The sizes and their origin, as members of a JSON object.
    package var members: [JSON.Member] {
        [
            .init("vocabulary_size", .integer(sizes.vocabularySize)),
            .init("dataset", dataset.map(JSON.string) ?? .null),
        ]
    }

    /// The number of output columns of the head.
    var outputWidth: Int { max(1, sizes.vocabularySize, sizes.outputs) }

    /// The contents of the batches used for the measurement.
    var shape: BatchShape {
        let architecture = configuration.model.family.architecture
        var shape = BatchShape(positions: sizes.contextLength)
        shape.hasSource = architecture.hasEncoder
        shape.hasPrefixes = architecture.hasPrefixes
        shape.hasTargetPerPosition = architecture.output == .tokens
        shape.patchNumbers = (sizes.image?.height ?? 0) * (sizes.image?.width ?? 0) * (sizes.image?.channels ?? 0)
        if configuration.loss == .negativeSampling { shape.noise = configuration.objective.negatives }
        if configuration.loss.targetKind != .classIndex { shape.values = sizes.outputs }
        return shape
    }
}

extension Configuration {
    /// The sizes that are used without a dataset: a byte vocabulary, ten classes, small images.
    package var madeUpSizes: ModelSizes {
        switch model.family.architecture.input {
        case .patches:
            let edge = 7 * model.patchSize
            return ModelSizes(
                image: ImageShape(height: edge, width: edge, channels: 1), patchSize: model.patchSize,
                tokens: model.imageTokens, outputs: 10)
        case .tokens:
            return ModelSizes(
                vocabularySize: model.vocabularySize > 0 ? model.vocabularySize : 256,
                contextLength: data.contextLength, outputs: model.family.architecture.output == .sequence ? 10 : 0)
        }
    }
}
