import Failures
import Tensors

/// A split as samples: what a model reads at once, and what it is to predict of it. For one thread at a time.
package protocol Samples: AnyObject {
    /// The number of samples, at least 1.
    var count: Int { get }
    /// What a sample carries.
    var shape: BatchShape { get }
    /// The records that are longer than the context and lose what is beyond.
    var truncatedCount: Int { get }
    /// How long a sample is, to bring those of similar length together: any measure that grows with it.
    func length(of sample: Int) throws(Failure) -> Int
    /// Reads a sample.
    ///
    /// - Parameters:
    ///   - sample: Its index, in 0..<count.
    ///   - draw: What is random about it.
    ///   - row: Where it goes; nothing of it is filled before.
    func load(_ sample: Int, _ draw: SampleDraw, into row: inout SampleRow) throws(Failure)
}

extension Samples {
    /// None, where samples are cut to the context from the start.
    package var truncatedCount: Int { 0 }
}

/// Random numbers for one reading of a sample: a function of the seed and of where the sample stands, never a state.
package struct SampleDraw: Sendable {
    /// The global index of the sample in a training, where it is never used again; in evaluation, the sample.
    package let index: UInt64
    /// Whether the model is trained on it, so that augmentation applies.
    package let isTraining: Bool
    private let seed: UInt64

    /// The random numbers of `index`.
    package init(index: UInt64, isTraining: Bool, seed: UInt64) {
        self.index = index
        self.isTraining = isTraining
        self.seed = seed
    }

    /// A row of random numbers for one purpose; trainings and evaluations have others.
    func stream(_ purpose: RandomPurpose) -> RandomStream {
        RandomStream(seed: seed, purpose: purpose, step: isTraining ? 1 : 0, sample: index)
    }
}

/// Where a sample is read to: the place of one sequence in a batch. Pointers are to rows of T elements.
package struct SampleRow {
    /// T.
    package let positions: Int
    package let tokens: UnsafeMutablePointer<Int32>
    package let targets: UnsafeMutablePointer<Int32>
    package let sourceTokens: UnsafeMutablePointer<Int32>
    package let places: UnsafeMutablePointer<Int32>
    package let spanPlaces: UnsafeMutablePointer<Int32>
    package let documentStarts: UnsafeMutablePointer<Int32>
    package let patches: UnsafeMutablePointer<Float>
    package let values: UnsafeMutablePointer<Float>
    /// The positions that count.
    package var length: Int
    package var sourceLength = 0
    /// The positions of the prefix.
    package var prefix = 0
    /// The targets that count.
    package var targetCount = 0

    init(_ batch: Batch, _ sequence: Int) {
        let (shape, T) = (batch.shape, batch.shape.positions)
        positions = T
        length = T
        tokens = batch.tokens + (shape.patchNumbers == 0 ? sequence * T : 0)
        targets = batch.targets + sequence * shape.targets(positions: T)
        sourceTokens = batch.sourceTokens + (shape.hasSource ? sequence * T : 0)
        places = batch.places + (shape.hasPrefixes ? sequence * T : 0)
        spanPlaces = batch.spanPlaces + (shape.hasPrefixes ? sequence * T : 0)
        documentStarts = batch.documentStarts + (shape.hasDocuments ? sequence * T : 0)
        patches = batch.patches + sequence * shape.patchNumbers
        values = batch.values + sequence * shape.values
    }

    /// Pads the tokens and the targets from `length` on.
    package mutating func pad(from length: Int) {
        self.length = max(1, length)
        (tokens + length).update(repeating: 0, count: positions - length)
        (targets + length).update(repeating: Batch.ignoredTarget, count: positions - length)
    }
}
