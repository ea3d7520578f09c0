import Failures

/// The division of a step's sequences into micro-batches (`batch.slots`), and of the micro-batches among ranks.
///
/// The step that starts at global index g consumes the indices g ..< g + B. Micro-batch k holds the k-th of S equal
/// parts, and rank r of p owns the micro-batches r·S/p ..< (r+1)·S/p, rounded down. So the samples of a micro-batch do
/// not depend on p, and neither do the samples of a step or their order.
///
/// Gradients are summed along a binary tree. Each rank sums its own micro-batches along a tree over them, and the
/// ranks' sums are added along a tree over the ranks. If this equals the tree over all S micro-batches, the sum's bits
/// are those of one rank; otherwise the same values are added in another order (see `isBitwise`).
package struct BatchPlan: Sendable {
    /// B: the number of sequences per step, over all ranks.
    package let sequences: Int
    /// S: the number of micro-batches per step.
    package let slots: Int
    /// r: the rank of this process.
    package let rank: Int
    /// p: the number of ranks.
    package let worldSize: Int

    /// The plan for rank `rank`, in 0..<worldSize.
    ///
    /// - Throws: `usage` if B is not a multiple of S, or if a rank would have no micro-batch.
    package init(sequences: Int, slots: Int, rank: Int, worldSize: Int) throws(Failure) {
        precondition(worldSize > 0 && (0..<worldSize).contains(rank), "rank outside the world")
        guard slots > 0 else { throw Failure(.usage, "batch.slots is \(slots); at least 1 is needed.") }
        guard worldSize <= slots else {
            throw Failure(
                .usage,
                "mpirun -np \(worldSize): allowed: at most batch.slots (\(slots)) ranks. Start fewer ranks, or raise "
                    + "batch.slots, which changes the results of the run.")
        }
        guard sequences > 0, sequences.isMultiple(of: slots) else {
            throw Failure(.usage, "batch.sequences is \(sequences); it must be a multiple of batch.slots (\(slots)).")
        }
        self.sequences = sequences
        self.slots = slots
        self.rank = rank
        self.worldSize = worldSize
    }

    /// Whether results are bit-identical to those of one rank.
    package var isBitwise: Bool { BatchPlan.isBitwise(slots: slots, worldSize: worldSize) }

    /// All numbers of ranks whose results are bit-identical to those of one rank.
    package var bitwiseWorldSizes: [Int] { (1...slots).filter { BatchPlan.isBitwise(slots: slots, worldSize: $0) } }

    /// Whether the ranks' sums, added along the tree over ranks, equal the sum along the tree over micro-batches.
    ///
    /// A tree splits at the largest power of two below its number of leaves. The two are equal if the tree over ranks
    /// splits the micro-batches at the same points, down to single ranks, each of which then owns a whole subtree.
    ///
    /// - Complexity: O(worldSize).
    package static func isBitwise(slots: Int, worldSize: Int) -> Bool {
        func start(_ rank: Int) -> Int { rank * slots / worldSize }
        func split(_ count: Int) -> Int { 1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount) }
        func agree(_ ranks: Range<Int>) -> Bool {
            // A single rank sums its micro-batches along the tree over them.
            if ranks.count == 1 { return true }
            let middle = ranks.lowerBound + split(ranks.count)
            let (first, end) = (start(ranks.lowerBound), start(ranks.upperBound))
            guard start(middle) == first + split(end - first) else { return false }
            return agree(ranks.lowerBound..<middle) && agree(middle..<ranks.upperBound)
        }
        return agree(0..<worldSize)
    }

    /// The number of sequences per micro-batch.
    package var sequencesPerSlot: Int { sequences / slots }

    /// The micro-batches that this rank owns.
    package var localSlots: Range<Int> { rank * slots / worldSize..<(rank + 1) * slots / worldSize }

    /// The rank that owns micro-batch `slot`.
    package func rank(ofSlot slot: Int) -> Int { ((slot + 1) * worldSize - 1) / slots }

    /// The global indices in micro-batch `slot` of the step that starts at `start`.
    package func globalIndices(ofSlot slot: Int, from start: UInt64) -> Range<UInt64> {
        let first = start + UInt64(slot * sequencesPerSlot)
        return first..<first + UInt64(sequencesPerSlot)
    }
}
