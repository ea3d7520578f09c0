import Collectives
import Kernels

extension Coordinator {
    /// Does something with the averaged weights in the place of the trained ones, where there is an average, and puts
    /// those back with every bit. Every rank calls it.
    ///
    /// - Parameter body: It ends with something that no rank returns from before all have read their last weight, such as
    ///   a sum over ranks.
    func withAveragedWeights<Result>(_ body: () throws -> Result) throws -> Result {
        guard averages != nil else { return try body() }
        try exchangeAverages()
        let result: Result
        do { result = try body() } catch let failure as AgreedFailure {
            // What is saved before the run ends is the training's own.
            try exchangeAverages()
            throw failure
        }
        try exchangeAverages()
        return result
    }

    /// Exchanges the trained weights of this rank's shard and their averages, and shares what is then to be computed
    /// with.
    private func exchangeAverages() throws(MPIError) {
        guard let averages else { return }
        for index in pieces.indices {
            let pieces = pieces[index]
            parallel(pieces.count) { number in
                let piece = pieces[number]
                swap(master.base + piece.masterStart, averages.base + piece.stateStart, count: piece.count)
                refreshWorkingWeights(piece)
            }
            try averaging.rangeIsUpdated(index)
        }
        try averaging.publish()
    }
}
