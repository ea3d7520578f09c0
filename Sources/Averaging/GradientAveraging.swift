import Collectives
import Numbers
import Tensors
import Threads

/// The synchronization of a data-parallel step: reduces the gradients of all ranks, and distributes the updated
/// weights.
///
/// The average is `TreeSum` over ranks, however it is transferred. No rank ever holds the whole average: each rank
/// reduces its own shard, updates the weights of that shard and publishes them.
///
/// A step calls `sectionIsFinal` for every section of the layout, last section first, then `finish`, and reads its
/// shard of the average. If the step updates weights, it then calls `rangeIsUpdated` for each range of the shard in
/// order, and `publish`. `StepOrder` checks this order; a call out of order ends the process.
package protocol GradientAveraging<Element>: AnyObject {
    associatedtype Element: Storage

    /// The value of `averaging.strategy` that selects it.
    var name: String { get }
    /// Rounds every node of the tree over micro-batches, except its root, to the format in which gradients are sent;
    /// nil: they are sent as they are.
    var roundNode: NodeRounding? { get }
    /// Whether each rank computes with its own copy of the weights, so that copies could differ.
    var hasReplicas: Bool { get }
    /// The weights that this rank computes with. Each rank writes only to its own shard, and only after `finish`, when
    /// all ranks have completed their backward pass.
    var weights: Arena<Element> { get }
    /// This rank's gradient; after `finish` its shard holds the average, and the other elements are undefined.
    var gradients: Arena<Element> { get }
    /// The shard that each rank owns.
    var shards: [Shard] { get }
    /// After `finish`: for each chunk of this rank's shard, the sum of squares of the average; 0 for all other chunks.
    var chunkSquares: UnsafeMutableBufferPointer<Double> { get }

    /// Declares the gradients of `section` final on this rank; they may be sent.
    func sectionIsFinal(_ section: Int) throws(MPIError)
    /// Waits until this rank's shard is averaged and no rank reads weights anymore. Before a rank writes gradients
    /// again, `finish` must have returned on all ranks; a reduction over ranks in between ensures that.
    func finish() throws(MPIError)
    /// Declares the weights of range `index` of this rank's shard updated; they may be sent.
    func rangeIsUpdated(_ index: Int) throws(MPIError)
    /// Whether the weights arrive while a forward pass reads them, which calls `requireWeights` for each section before
    /// it does, and before its backward pass `publish`.
    var publishesBySection: Bool { get }
    /// Waits until the weights of `section` and of all sections before it hold the updates of all ranks. Called after
    /// the last `rangeIsUpdated`, before `publish`.
    func requireWeights(of section: Int) throws(MPIError)
    /// Waits until `weights` holds the updates of all ranks.
    func publish() throws(MPIError)
    /// Copies rank 0's weights to every rank.
    func publishFromFirstRank() throws(MPIError)
}

extension GradientAveraging {
    package var publishesBySection: Bool { false }

    package func requireWeights(of section: Int) { preconditionFailure("\(name) does not publish by section") }
}

/// Sums a range of elements over all ranks' gradients, and the squares of the sums, chunk by chunk.
///
/// - Parameters:
///   - range: The elements of the arena; starts at a chunk boundary.
///   - parts: The address of element `origin` in each rank's gradient.
///   - gradients: The arena that receives the sum; it may be one of the parts.
///   - squares: Receives the sum of squares per chunk, shape [chunks of the arena].
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

/// Allocates the sums of squares of the chunks of `elements` elements, all 0.
func makeChunkSquares(elements: Int) -> UnsafeMutableBufferPointer<Double> {
    let squares = UnsafeMutableBufferPointer<Double>.allocate(capacity: (elements + chunkElements - 1) / chunkElements)
    squares.initialize(repeating: 0)
    return squares
}

/// Rounds a chunk of gradients in place.
package typealias NodeRounding = @Sendable (_ values: UnsafeMutablePointer<Float>, _ count: Int) -> Void
