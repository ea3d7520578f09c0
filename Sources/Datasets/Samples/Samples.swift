import Failures
import Tensors

/// A split as samples, each with a model's input and its targets. For use by one thread at a time.
package protocol Samples: AnyObject {
    /// The number of samples, at least 1.
    var count: Int { get }
    /// The fields of a sample.
    var shape: BatchShape { get }
    /// The number of records that are truncated to the context.
    var truncatedCount: Int { get }
    /// The number of records that are left out because none of their targets is within the context.
    var droppedCount: Int { get }
    /// The sort key of a sample for length bucketing; increases with its length.
    func length(of sample: Int) throws(Failure) -> Int
    /// Reads a sample.
    ///
    /// - Parameters:
    ///   - sample: The sample's index, in 0..<count.
    ///   - draw: The source of random numbers for this sample.
    ///   - row: The destination; its contents are undefined before.
    func load(_ sample: Int, _ draw: SampleDraw, into row: inout SampleRow) throws(Failure)
}

extension Samples {
    /// Zero: these samples are never truncated.
    package var truncatedCount: Int { 0 }

    /// Zero: these samples are never dropped.
    package var droppedCount: Int { 0 }
}

/// The random numbers for one reading of a sample; they depend only on the seed and the index, without any mutable
/// state.
package struct SampleDraw: Sendable {
    /// The sample's global index, which is unique in a training run; in evaluation, the sample's index.
    package let index: UInt64
    /// Whether the sample is read for training, with augmentation.
    package let isTraining: Bool
    private let seed: UInt64

    /// The random numbers for `index`.
    package init(index: UInt64, isTraining: Bool, seed: UInt64) {
        self.index = index
        self.isTraining = isTraining
        self.seed = seed
    }

    /// A random stream for one purpose; training and evaluation have different streams.
    func stream(_ purpose: RandomPurpose) -> RandomStream {
        RandomStream(seed: seed, purpose: purpose, step: isTraining ? 1 : 0, sample: index)
    }
}

/// The destination of a sample: one sequence of a batch.
package struct SampleRow {
    /// T.
    package let positions: Int
    /// The fields of the sequence.
    package let fields: SequenceFields
    /// The length without padding.
    package var length: Int
    package var sourceLength = 0
    package var prefixLength = 0
    /// The number of targets that are not ignored.
    package var targetCount = 0

    init(_ batch: Batch, _ sequence: Int) {
        fields = SequenceFields(batch.fields, from: sequence, batch.shape)
        positions = batch.shape.positions
        length = positions
    }

    /// Sets the length, and pads tokens and targets from there on.
    package mutating func pad(from length: Int) {
        self.length = max(1, length)
        fields.tokens.map { ($0 + length).update(repeating: 0, count: positions - length) }
        fields.classTargets.map { ($0 + length).update(repeating: ignoredTarget, count: positions - length) }
    }
}
