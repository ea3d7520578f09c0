import Collectives
import Kernels
import Tensors

/// How the gradients of all ranks become one, and how the weights that come of it reach all ranks.
///
/// The average is the tree sum of `TreeSum` over ranks, whatever way the numbers take. No rank ever holds all of it: each
/// averages its own shard, updates the weights of it, and shares those.
///
/// A step calls `sectionIsFinal` for every section of the layout, last section first, then `finish`; reads its shard of
/// the average; and, where it updates weights, calls `rangeIsUpdated` for each range of the shard in turn, then `publish`.
package protocol GradientAveraging<Element>: AnyObject {
    associatedtype Element: Storage

    /// The name that the configuration knows it by.
    var name: String { get }
    /// Whether every node of the tree over slots, but its root, is rounded to `ScaledHalves`.
    var roundsNodes: Bool { get }
    /// Whether each rank has weights of its own to compute with, which could differ.
    var hasReplicas: Bool { get }
    /// The weights that this rank computes with. Each rank writes to its own shard alone, and only after `finish`, when
    /// all ranks have done their backward pass.
    var weights: Arena<Element> { get }
    /// Where this rank's own gradient is put; after `finish` its shard holds the average, the rest is nobody's.
    var gradients: Arena<Element> { get }
    /// What each rank looks after.
    var shards: [Shard] { get }
    /// After `finish`: the sum of squares of each chunk of the average that this rank looks after; 0 for all others.
    var chunkSquares: UnsafeMutableBufferPointer<Double> { get }

    /// This rank adds nothing more to the gradients of `section`; their way may begin.
    func sectionIsFinal(_ section: Int) throws(MPIError)
    /// Returns when this rank's shard is averaged, and no rank reads weights any more. Before a rank writes gradients
    /// again, all ranks must have returned: a reduction over ranks sees to that.
    func finish() throws(MPIError)
    /// The weights of the `index`-th range of this rank's shard are new; their way may begin.
    func rangeIsUpdated(_ index: Int) throws(MPIError)
    /// Returns when `weights` holds what every rank has written.
    func publish() throws(MPIError)
    /// Makes all of rank 0's weights those of every rank.
    func publishFromFirstRank() throws(MPIError)
}

/// Sums some elements of all replicas, and the squares of the sums, chunk by chunk.
///
/// - Parameters:
///   - range: Which elements of the arena; it starts on a chunk's border.
///   - parts: Where element `origin` stands in the gradient of each rank.
///   - gradients: The arena that gets the sum; it may be one of the parts.
///   - squares: [chunks of the arena].
func averageChunks<Element: Storage>(
    _ range: Range<Int>, of parts: [UnsafePointer<Element>], origin: Int, into gradients: Arena<Element>,
    squares: UnsafeMutableBufferPointer<Double>
) {
    parallel((range.count + chunkElements - 1) / chunkElements) { chunk in
        withUnsafeTemporaryAllocation(of: UnsafePointer<Element>.self, capacity: parts.count) { pointers in
            let start = range.lowerBound + chunk * chunkElements
            let count = min(chunkElements, range.upperBound - start)
            for index in parts.indices { pointers.initializeElement(at: index, to: parts[index] + (start - origin)) }
            squares[start / chunkElements] = TreeSum.sum(
                UnsafeBufferPointer(pointers), into: gradients.base + start, count: count)
        }
    }
}

/// Room for the squares of each chunk of `elements`, all 0.
func makeChunkSquares(elements: Int) -> UnsafeMutableBufferPointer<Double> {
    let squares = UnsafeMutableBufferPointer<Double>.allocate(capacity: (elements + chunkElements - 1) / chunkElements)
    squares.initialize(repeating: 0)
    return squares
}
