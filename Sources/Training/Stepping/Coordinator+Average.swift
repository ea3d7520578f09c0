import Collectives
import Kernels
import Tensors
import Threads

extension Coordinator {
    /// Calls `body` with the moving average of the weights in place of the trained weights, if there is one, and
    /// restores the latter exactly. Collective: every rank calls it.
    ///
    /// - Parameter body: Must end with a collective operation, such as a sum over ranks, that completes only after all
    ///   ranks have read their last weight.
    func withAveragedWeights<Value>(_ body: () throws -> Value) throws -> Value {
        guard let averages else { return try body() }
        swapMasters(with: averages)
        let outcome: Result<Value, any Error>
        do {
            try publishWorkingWeights()
            outcome = .success(try body())
        } catch {
            outcome = .failure(error)
        }
        swapMasters(with: averages)
        // A rank ends the job if the other ranks do not know its failure: in a collective call it would wait for them
        // forever.
        if case .failure(let error) = outcome, !(error is AgreedFailure) { throw error }
        try publishWorkingWeights()
        return try outcome.get()
    }

    /// Swaps this rank's shard of the master weights with their averages.
    private func swapMasters(with averages: Arena<Float>) {
        for pieces in pieces {
            parallel(pieces.count) { number in
                let piece = pieces[number]
                swap(master.at(piece), averages.base + piece.stateStart, count: piece.count)
                master.refreshWorkingWeights(piece)
            }
        }
    }

    /// Gives all ranks the working weights of this rank's shard.
    private func publishWorkingWeights() throws(MPIError) {
        for index in pieces.indices { try averaging.rangeIsUpdated(index) }
        try averaging.publish()
    }
}
