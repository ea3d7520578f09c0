import Failures

/// How the sequences of a step are divided into slots, and the slots among ranks.
///
/// The step that starts at global index g consumes g ..< g + B. Slot k holds the k-th of S equal parts of it, and
/// rank r of p owns the r-th of p equal parts of the slots: what a slot holds does not depend on p.
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
    /// - Throws: `usage` where B is no multiple of S, or S none of the world size.
    package init(sequences: Int, slots: Int, rank: Int, worldSize: Int) throws(Failure) {
        precondition(worldSize > 0 && (0..<worldSize).contains(rank), "rank outside the world")
        guard slots > 0, slots.isMultiple(of: worldSize) else {
            throw Failure(
                .usage,
                "batch.slots is \(slots); a multiple of the number of ranks, \(worldSize), is needed. "
                    + "Change batch.slots or mpirun's -np.")
        }
        guard sequences > 0, sequences.isMultiple(of: slots) else {
            throw Failure(.usage, "batch.sequences is \(sequences); a multiple of batch.slots, \(slots), is needed.")
        }
        self.sequences = sequences
        self.slots = slots
        self.rank = rank
        self.worldSize = worldSize
    }

    /// Sequences in a slot.
    package var sequencesPerSlot: Int { sequences / slots }

    /// The slots of this rank.
    package var localSlots: Range<Int> {
        let count = slots / worldSize
        return rank * count..<(rank + 1) * count
    }

    /// Sequences of this rank, a step.
    package var localSequences: Int { sequences / worldSize }

    /// The global indices that a slot holds in the step that starts at `start`.
    package func globalIndices(ofSlot slot: Int, from start: UInt64) -> Range<UInt64> {
        let first = start + UInt64(slot * sequencesPerSlot)
        return first..<first + UInt64(sequencesPerSlot)
    }
}
