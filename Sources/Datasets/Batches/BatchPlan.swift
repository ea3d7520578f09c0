import Failures

/// How the sequences of a step are divided into slots, and the slots among ranks.
///
/// The step that starts at global index g consumes g ..< g + B. Slot k holds the k-th of S equal parts of it, and
/// rank r of p owns the slots r·S/p ..< (r+1)·S/p, rounded down: what a slot holds does not depend on p, and so neither does
/// which samples a step consumes, in what order.
///
/// Where each rank owns a whole subtree of the sum over slots, and these meet as the tree has them meet, neither do the bits
/// of the sum. At other numbers of ranks a rank adds its slots from left to right along the tree of as many slots, and the ranks' sums are added along the tree of
/// as many ranks: the same numbers, with other parentheses.
package struct BatchPlan: Sendable {
    /// B: sequences of the whole job, a step.
    package let sequences: Int
    /// S: equal parts of the batch.
    package let slots: Int
    /// r: this process.
    package let rank: Int
    /// p: all processes.
    package let worldSize: Int

    /// The plan of rank `rank`, in 0..<worldSize.
    ///
    /// - Throws: `usage` where B is no multiple of S, or where a rank would have no slot.
    package init(sequences: Int, slots: Int, rank: Int, worldSize: Int) throws(Failure) {
        precondition(worldSize > 0 && (0..<worldSize).contains(rank), "rank outside the world")
        guard slots > 0 else { throw Failure(.usage, "batch.slots is \(slots); at least 1 is needed.") }
        guard worldSize <= slots else {
            throw Failure(
                .usage,
                "mpirun -np \(worldSize): batch.slots is \(slots): at most as many ranks have work. Start fewer, or raise "
                    + "batch.slots, which changes the numbers of the run.")
        }
        guard sequences > 0, sequences.isMultiple(of: slots) else {
            throw Failure(.usage, "batch.sequences is \(sequences); a multiple of batch.slots, \(slots), is needed.")
        }
        self.sequences = sequences
        self.slots = slots
        self.rank = rank
        self.worldSize = worldSize
    }

    /// Whether the bits are those of any other number of ranks for which this is so.
    package var isBitwise: Bool { BatchPlan.isBitwise(slots: slots, worldSize: worldSize) }

    /// The numbers of ranks that all make the same bits.
    package var bitwiseWorldSizes: [Int] { (1...slots).filter { BatchPlan.isBitwise(slots: slots, worldSize: $0) } }

    /// Whether the ranks' sums, added along the tree of the ranks, make the tree over the slots.
    ///
    /// A tree splits at the largest power of two below its number of leaves. The tree of the ranks is that of the slots where
    /// it splits the slots at the same places, down to single ranks, which have whole subtrees then.
    ///
    /// - Complexity: O(worldSize).
    package static func isBitwise(slots: Int, worldSize: Int) -> Bool {
        func start(_ rank: Int) -> Int { rank * slots / worldSize }
        func split(_ count: Int) -> Int { 1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount) }
        func agree(_ ranks: Range<Int>) -> Bool {
            // One rank adds its slots along the tree of as many slots.
            if ranks.count == 1 { return true }
            let middle = ranks.lowerBound + split(ranks.count)
            let (first, end) = (start(ranks.lowerBound), start(ranks.upperBound))
            guard start(middle) == first + split(end - first) else { return false }
            return agree(ranks.lowerBound..<middle) && agree(middle..<ranks.upperBound)
        }
        return agree(0..<worldSize)
    }

    /// Sequences in a slot.
    package var sequencesPerSlot: Int { sequences / slots }

    /// The slots of this rank.
    package var localSlots: Range<Int> { rank * slots / worldSize..<(rank + 1) * slots / worldSize }

    /// The rank that has a slot.
    package func rank(ofSlot slot: Int) -> Int { ((slot + 1) * worldSize - 1) / slots }

    /// The global indices that a slot holds in the step that starts at `start`.
    package func globalIndices(ofSlot slot: Int, from start: UInt64) -> Range<UInt64> {
        let first = start + UInt64(slot * sequencesPerSlot)
        return first..<first + UInt64(sequencesPerSlot)
    }
}
