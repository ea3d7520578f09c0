import Averaging
import Collectives
import Numbers

/// The few values of a step that all ranks must know with identical bits: counts, losses and squares.
///
/// Each value is computed by one rank and is 0 on all others, so that the sum over ranks is exact in any order. Every
/// rank then computes the totals in the same way.
final class StepSums {
    /// The time in seconds that each rank has computed in the step, and waited since the last, after `combine`; shape
    /// [2, ranks].
    let times: UnsafeMutableBufferPointer<Double>
    /// The sum of losses of each micro-batch.
    let slotLosses: UnsafeMutablePointer<Double>
    private let chunkSquares: UnsafeMutablePointer<Double>
    private let own: UnsafeMutableBufferPointer<Double>
    private let combined: UnsafeMutableBufferPointer<Double>
    private let counts: UnsafeMutableBufferPointer<Int64>
    private let slots: Int
    private let chunks: Int
    private var pending: PendingOperation?

    /// Allocates sums for `slots` micro-batches, a gradient of `elements` elements and the times of `ranks` ranks.
    init(slots: Int, elements: Int, ranks: Int) {
        self.slots = slots
        chunks = (elements + chunkElements - 1) / chunkElements
        // The last one is for requests to stop.
        let count = slots + chunks + 2 * ranks + 1
        own = .allocate(capacity: count)
        combined = .allocate(capacity: count)
        counts = .allocate(capacity: 6)
        own.initialize(repeating: 0)
        combined.initialize(repeating: 0)
        counts.initialize(repeating: 0)
        slotLosses = own.baseAddress!
        chunkSquares = own.baseAddress! + slots
        times = UnsafeMutableBufferPointer(rebasing: own[(slots + chunks)..<(count - 1)])
    }

    deinit {
        own.deallocate()
        combined.deallocate()
        counts.deallocate()
    }

    /// Sets this rank's losses, squares and times to 0.
    func clear() { own.update(repeating: 0) }

    /// Starts to sum the numbers of targets, stop requests and missing batches over all ranks, during the forward pass.
    func startCounts(
        targets: Int, stopRequested: Bool, lacksBatches: Bool, _ communicator: any Communicator
    ) throws(MPIError) {
        (counts[0], counts[1], counts[2]) = (Int64(targets), stopRequested ? 1 : 0, lacksBatches ? 1 : 0)
        pending = try communicator.startAllreduce(
            UnsafeBufferPointer(rebasing: counts[..<3]), into: UnsafeMutableBufferPointer(rebasing: counts[3...]), .sum)
    }

    /// Waits for the sums over all ranks.
    ///
    /// - Returns: The number of targets, whether any rank was asked to stop, and whether any lacks batches.
    func finishCounts() throws(MPIError) -> (targets: Int, stopRequested: Bool, lacksBatches: Bool) {
        try pending?.wait()
        pending = nil
        return (Int(counts[3]), counts[4] > 0, counts[5] > 0)
    }

    /// Distributes the losses, squares and times to all ranks. No rank returns before all have called it.
    ///
    /// - Parameters:
    ///   - squares: The sum of squares of each chunk of the gradient; 0 for chunks of other ranks.
    ///   - computed, waited: The times of this rank in seconds.
    ///   - stopRequested: Whether this rank has been asked to stop by now.
    /// - Returns: Whether any rank has.
    func combine(
        squares: UnsafeMutableBufferPointer<Double>, computed: Double, waited: Double, stopRequested: Bool,
        _ communicator: any Communicator
    ) throws(MPIError) -> Bool {
        precondition(squares.count == chunks, "a sum for each chunk")
        (times[communicator.rank], times[communicator.size + communicator.rank]) = (computed, waited)
        chunkSquares.update(from: squares.baseAddress!, count: squares.count)
        own[own.count - 1] = stopRequested ? 1 : 0
        try communicator.allreduce(UnsafeBufferPointer(own), into: combined, .sum)
        own.baseAddress!.update(from: combined.baseAddress!, count: own.count)
        return own[own.count - 1] > 0
    }

    /// The sum of all losses, along the tree over micro-batches.
    var totalLoss: Double { TreeSum.sum(UnsafeBufferPointer(start: slotLosses, count: slots)) }

    /// The sum of all squares, along a tree over chunks.
    var totalSquares: Double { TreeSum.sum(UnsafeBufferPointer(start: chunkSquares, count: chunks)) }
}
