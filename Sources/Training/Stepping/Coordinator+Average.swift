import Collectives
import Kernels
import Tensors

extension Coordinator {
    /// Does something with the averaged weights in the place of the trained ones, where there is an average, and puts
    /// those back with every bit. Every rank calls it.
    ///
    /// - Parameter body: It ends with something that no rank returns from before all have read their last weight, such as
    ///   a sum over ranks.
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
        // A rank that failed alone ends the job: in a collective call it would wait for the others forever.
        if case .failure(let error) = outcome, !(error is AgreedFailure) { throw error }
        try publishWorkingWeights()
        return try outcome.get()
    }

    /// Swaps this rank's shard of the master weights with their averages.
    private func swapMasters(with averages: Arena<Float>) {
        for pieces in pieces {
            parallel(pieces.count) { number in
                let piece = pieces[number]
                swap(master.base + piece.masterStart, averages.base + piece.stateStart, count: piece.count)
                refreshWorkingWeights(piece)
            }
        }
    }

    /// Gives all ranks the working weights of this rank's shard.
    private func publishWorkingWeights() throws(MPIError) {
        for index in pieces.indices { try averaging.rangeIsUpdated(index) }
        try averaging.publish()
    }
}
