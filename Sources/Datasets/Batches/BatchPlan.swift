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
    /// - Throws: `usage` where B is no multiple of S, or where the ranks cannot share the slots: with the world sizes that
    ///   can.
    package init(sequences: Int, slots: Int, rank: Int, worldSize: Int) throws(Failure) {
        precondition(worldSize > 0 && (0..<worldSize).contains(rank), "rank outside the world")
        guard slots > 0 else { throw Failure(.usage, "batch.slots is \(slots); at least 1 is needed.") }
        guard BatchPlan.accepts(slots: slots, worldSize: worldSize) else {
            let sizes = (1...slots).filter { BatchPlan.accepts(slots: slots, worldSize: $0) }.map(String.init)
            let list =
                sizes.count == 1
                ? "1 rank" : sizes.dropLast().joined(separator: ", ") + " or \(sizes[sizes.count - 1]) ranks"
            throw Failure(
                .usage,
                "mpirun -np \(worldSize): batch.slots is \(slots): it works with \(list). Start as many, or change "
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

    /// Whether every rank gets whole slots, and each its own subtree of the sum over slots.
    private static func accepts(slots: Int, worldSize: Int) -> Bool {
        slots.isMultiple(of: worldSize) && (worldSize == 1 || (slots / worldSize).nonzeroBitCount == 1)
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
