import Tensors
import Collectives
import Datasets
import Failures
import Files
import Models
import Reporting
import Settings

/// What is measured: a configuration, and the sizes that its dataset decides where there is one.
package struct BenchSubject: Sendable {
    package let configuration: Configuration
    /// The dataset's vocabulary, classes and images, or sizes made up.
    let sizes: ModelSizes
    /// The dataset that the sizes are of; nil where they are made up.
    private let dataset: String?
    /// Why the dataset is not used.
    private let reason: String

    /// Asks the dataset that `configuration` names. Rank 0 does it for all; no dataset is needed.
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
                patchSize: configuration.model.patchSize, outputs: numbers[1])
            : ModelSizes(
                vocabularySize: numbers[0], contextLength: configuration.data.contextLength, outputs: numbers[1])
    }

    /// The sizes of the dataset as five numbers, or why it is not used.
    private static func ask(_ configuration: Configuration) -> String {
        let directory = configuration.data.directory
        guard FileSystem.exists(directory) else { return "\(directory) does not exist" }
        do throws(Failure) {
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

    /// What the sizes are, and whose, in a line.
    package var note: String {
        let what =
            if let image = sizes.image {
                "images of \(image.height) × \(image.width) × \(image.channels)"
            } else {
                "vocabulary \(grouped(sizes.vocabularySize))"
            }
        if let dataset { return "\(what), of \(dataset)" }
        return configuration.model.vocabularySize > 0 && sizes.image == nil
            ? "\(what), of model.vocabulary_size" : "\(what), made up: \(reason)"
    }

    /// The same as members of an object.
    package var members: [JSON.Member] {
        [
            .init("vocabulary_size", .integer(sizes.vocabularySize)),
            .init("dataset", dataset.map(JSON.string) ?? .null),
        ]
    }

    /// The columns of the head's product.
    var outputWidth: Int { max(1, sizes.vocabularySize, sizes.outputs) }

    /// What a batch carries that is measured with.
    var shape: BatchShape {
        let architecture = configuration.model.family.architecture
        var shape = BatchShape(positions: sizes.contextLength)
        shape.hasSource = architecture.hasEncoder
        shape.hasPrefixes = architecture.hasPrefixes
        shape.hasTargetPerPosition = architecture.output == .tokens
        shape.patchNumbers = (sizes.image?.height ?? 0) * (sizes.image?.width ?? 0) * (sizes.image?.channels ?? 0)
        if configuration.loss.targetKind != .classIndex { shape.values = sizes.outputs }
        return shape
    }
}

extension Configuration {
    /// The sizes that are measured with where no dataset decides them: a byte vocabulary, ten classes, small images.
    var madeUpSizes: ModelSizes {
        switch model.family.architecture.input {
        case .patches:
            let edge = 7 * model.patchSize
            return ModelSizes(
                image: ImageShape(height: edge, width: edge, channels: 1), patchSize: model.patchSize, outputs: 10)
        case .tokens:
            return ModelSizes(
                vocabularySize: model.vocabularySize > 0 ? model.vocabularySize : 256,
                contextLength: data.contextLength, outputs: model.family.architecture.output == .sequence ? 10 : 0)
        }
    }
}
