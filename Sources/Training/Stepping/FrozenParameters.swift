import Averaging
import Kernels
import Tensors

/// The gradients of frozen parameters, which count as zero: in the norm, and in what overflows.
///
/// A replica computes them all the same, because those of other parameters come by way of them.
struct FrozenParameters {
    /// What is frozen of this rank's shard.
    private let ranges: [Range<Int>]
    /// The chunks that hold some of it.
    private let chunks: [Range<Int>]

    /// The parts of `shard` whose parameters have no rule.
    init(_ rules: [Int?], _ shard: Shard, _ layout: ParameterLayout) {
        ranges = zip(layout.parameters, rules).filter { $1 == nil }.flatMap { parameter, _ in
            shard.pieces(of: parameter.range).map(\.range)
        }
        let numbers = ranges.flatMap { $0.lowerBound / chunkElements...($0.upperBound - 1) / chunkElements }
        chunks = Set(numbers).sorted().map {
            $0 * chunkElements..<min(($0 + 1) * chunkElements, layout.count)
        }
    }

    /// Makes the averaged gradients of frozen parameters 0, and sums the squares of their chunks anew.
    func clear<Element: Storage>(_ averaging: any GradientAveraging<Element>) {
        let gradients = averaging.gradients.base
        for range in ranges { (gradients + range.lowerBound).update(repeating: 0, count: range.count) }
        for chunk in chunks {
            averaging.chunkSquares[chunk.lowerBound / chunkElements] = sumOfSquares(
                UnsafePointer(gradients + chunk.lowerBound), count: chunk.count)
        }
    }
}
