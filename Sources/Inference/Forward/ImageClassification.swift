import Checkpoints
import Collectives
import Datasets
import Failures
import Layers
import Models
import Resources
import Settings
import Tensors

/// A classifier of images from a checkpoint, with its weights.
package struct ImageClassification {
    /// The checkpoint's directory.
    package let directory: String
    package let identity: CheckpointIdentity
    package let model: Transformer<Float>
    /// The shape of the images that the model reads.
    package let shape: ImageShape
    private let weights: Arena<Float>

    /// Verifies and loads the checkpoint in `directory`. Collective: rank 0 reads the weights for all ranks.
    ///
    /// - Parameter choice: The weights to load; nil: the moving average if there is one.
    /// - Throws: `badData` if the checkpoint is damaged or invalid; `usage` for a model that does not read images.
    package init(checkpoint directory: String, _ choice: WeightChoice?, _ communicator: any Communicator) throws {
        let (checkpoint, identity, shape) = try communicator.together { () throws(Failure) in
            let checkpoint = try Checkpoint.open(directory)
            let identity = try CheckpointIdentity(checkpoint)
            guard let shape = identity.sizes.image else {
                let family = identity.configuration.model.family.rawValue
                throw Failure(.usage, "\(directory) is a model of family \(family), which reads no images.")
            }
            return (checkpoint, identity, shape)
        }
        (model, weights) = try loadModel(checkpoint, identity, choice, communicator)
        (self.directory, self.identity, self.shape) = (directory, identity, shape)
    }

    /// Predicts the classes of `count` images.
    ///
    /// - Parameters:
    ///   - batch: The maximum number of images that are computed at once; it changes no result.
    ///   - pixels: Returns the pixels of an image, [H, W, K] of `shape`.
    /// - Throws: The error of `pixels`; `usage` if there is not enough memory; `badData` if a logit is not finite.
    package func run(
        _ count: Int, batch: Int, shouldStop: () -> Bool, pixels: (_ image: Int) throws(Failure) -> [UInt8]
    ) throws(Failure) -> [LabelPrediction] {
        let batch = WholeTexts.batch(batch, of: count)
        try MemoryEstimate.requireBatch("classification", model, sequences: batch)
        let forwardPass = ForwardPass(model, identity.configuration.loss, weights: weights, sequences: batch)
        let patches = Arena<Float>(count: batch * shape.byteCount)
        var predictions: [LabelPrediction] = []
        for start in stride(from: 0, to: count, by: batch) {
            if shouldStop() { break }
            let part = start..<min(start + batch, count)
            for image in part {
                ImageSamples.writePatches(
                    of: try pixels(image), shape, patchSize: model.configuration.patchSize,
                    into: patches.base + (image - start) * shape.byteCount)
            }
            var input = ModelInput(sequences: part.count, positions: model.sizes.contextLength)
            input.patches = UnsafePointer(patches.base)
            forwardPass.forward(input)
            for row in 0..<part.count {
                predictions.append(LabelPrediction(try forwardPass.logits(ofRow: row, directory), identity))
            }
        }
        return predictions
    }
}
