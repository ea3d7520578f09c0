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

/// The destination of a sample: one sequence of a batch. Pointers are to the sequence's elements of the batch's fields,
/// nil for fields that the shape lacks.
package struct SampleRow {
    /// T.
    package let positions: Int
    package let tokens: UnsafeMutablePointer<Int32>?
    package let classTargets: UnsafeMutablePointer<Int32>?
    package let valueTargets: UnsafeMutablePointer<Float>?
    package let sourceTokens: UnsafeMutablePointer<Int32>?
    package let positionIDs: UnsafeMutablePointer<Int32>?
    package let spanPositionIDs: UnsafeMutablePointer<Int32>?
    package let documentStarts: UnsafeMutablePointer<Int32>?
    package let patches: UnsafeMutablePointer<Float>?
    /// The length without padding.
    package var length: Int
    package var sourceLength = 0
    package var prefixLength = 0
    /// The number of targets that are not ignored.
    package var targetCount = 0

    init(_ batch: Batch, _ sequence: Int) {
        let (shape, T) = (batch.shape, batch.shape.positions)
        func row<Number>(_ field: UnsafeMutablePointer<Number>?, _ each: Int) -> UnsafeMutablePointer<Number>? {
            field.map { $0 + sequence * each }
        }
        positions = T
        length = T
        tokens = row(batch.tokens, T)
        classTargets = row(batch.classTargets, shape.targets(positions: T))
        valueTargets = row(batch.valueTargets, shape.values)
        sourceTokens = row(batch.sourceTokens, T)
        positionIDs = row(batch.positionIDs, T)
        spanPositionIDs = row(batch.spanPositionIDs, T)
        documentStarts = row(batch.documentStarts, T)
        patches = row(batch.patches, shape.patchNumbers)
    }

    /// Sets the length, and pads tokens and targets from there on.
    package mutating func pad(from length: Int) {
        self.length = max(1, length)
        tokens.map { ($0 + length).update(repeating: 0, count: positions - length) }
        classTargets.map { ($0 + length).update(repeating: ignoredTarget, count: positions - length) }
    }
}
