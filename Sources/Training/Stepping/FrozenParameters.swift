import Averaging
import Numbers
import Tensors

/// Sets the gradients of frozen parameters to zero, so that they count neither in the norm nor as overflow.
///
/// A replica computes these gradients nevertheless, because backpropagation to other parameters needs the same path.
struct FrozenParameters {
    /// The frozen elements of this rank's shard.
    private let ranges: [Range<Int>]
    /// The chunks that contain frozen elements.
    private let chunks: [Range<Int>]

    /// Finds the elements of `shard` whose parameters have no update rule.
    init(_ rules: [Int?], _ shard: Shard, _ layout: ParameterLayout) {
        ranges = zip(layout.parameters, rules).filter { $1 == nil }.flatMap { parameter, _ in
            shard.pieces(of: parameter.range).map(\.range)
        }
        let numbers = ranges.flatMap { $0.lowerBound / chunkElements...($0.upperBound - 1) / chunkElements }
        chunks = Set(numbers).sorted().map {
            $0 * chunkElements..<min(($0 + 1) * chunkElements, layout.count)
        }
    }

    /// Sets the averaged gradients of frozen parameters to 0, and recomputes the sums of squares of their chunks.
    func clear<Element: Storage>(_ averaging: any GradientAveraging<Element>) {
        let gradients = averaging.gradients.base
        for range in ranges { (gradients + range.lowerBound).update(repeating: 0, count: range.count) }
        for chunk in chunks {
            averaging.chunkSquares[chunk.lowerBound / chunkElements] = sumOfSquares(
                UnsafePointer(gradients + chunk.lowerBound), count: chunk.count)
        }
    }
}
