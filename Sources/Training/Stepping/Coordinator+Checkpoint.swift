import Checkpoints
import Collectives
import Failures
import Inference
import Kernels
import Tensors

extension Coordinator {
    /// The counters of a checkpoint.
    func checkpointState(
        validationLoss: Double?, evaluationIsPending: Bool = false, watched: CheckpointState.Watched?
    ) -> CheckpointState {
        CheckpointState(
            step: step, consumedSamples: consumedSamples, tokens: tokens, skippedSteps: skippedSteps,
            lossScaler: scaler.map {
                .init(scale: $0.scale, cleanSteps: $0.cleanSteps, hysteresisLeft: $0.hysteresisLeft)
            },
            validationLoss: validationLoss, evaluationIsPending: evaluationIsPending, watched: watched,
            lossTrend: lossTrend?.state, spikeSkips: spikeSkips, skipsInARow: skipsInARow, returns: returns)
    }

    /// The bytes of a checkpoint's tensors.
    var savedBytes: Int {
        layout.count
            * (MemoryLayout<Element>.stride + ownedFiles.flatMap(\.arenas).count * MemoryLayout<Float>.stride)
    }

    /// Writes the tensors of a checkpoint: weights as they are computed with, and all that the optimizer keeps. Every rank
    /// calls it.
    ///
    /// - Parameter write: Called on rank 0; it writes the tensors in the order given, or copies them. It has no use for them
    ///   when it has returned.
    /// - Throws: `AgreedFailure` where `write` fails; with `internalError` where weights or state are not finite; with
    ///   `diverged` where something other than an update has changed
    ///   what would be written.
    func save(_ write: (_ files: [(name: String, tensors: [TensorSource])]) throws(Failure) -> Void) throws {
        try verifyAll()
        try refuseNonFinite()
        try transfer(.toFirstRank) { transfer throws(Failure) in
            let model = NamedArena(averaging.weights, layout).sources
            let files = zip(ownedFiles.map(\.name), split(transfer.sources))
            try write([(modelFileName, model)] + files.map { (name: $0, tensors: $1) })
        }
    }

    /// Goes on from a verified checkpoint. Every rank calls it.
    ///
    /// - Parameters:
    ///   - checkpoint: Rank 0's; the others have none.
    ///   - consumedSamples: The position among the samples; nil for the checkpoint's.
    ///   - isSameDataset: Rank 0's: whether it was trained on the data of this run.
    ///   - isSameConfiguration: Rank 0's: whether it was trained as this run is. Where it was not, the skipped steps in a row
    ///     are forgiven: what has changed may end them.
    /// - Returns: Its state, the same on every rank; nil where rank 0 has none.
    /// - Throws: `AgreedFailure` where rank 0 cannot read it.
    func takeUp(
        _ checkpoint: Checkpoint?, consumedSamples: Int? = nil, isSameDataset: Bool = true,
        isSameConfiguration: Bool = true
    ) throws -> CheckpointState? {
        let text = try communicator.onFirstRank { () throws(Failure) in
            guard var state = checkpoint?.state else { return "" }
            // What was measured on other data is nothing to compare with.
            if !isSameDataset { (state.watched, state.lossTrend) = (nil, nil) }
            if !isSameDataset || !isSameConfiguration { state.skipsInARow = 0 }
            return state.text
        }
        if text.isEmpty { return nil }
        let state = try CheckpointState(parsing: Array(text.utf8), source: "the state that rank 0 sent")
        try load(checkpoint)
        restore(state, consumedSamples: consumedSamples)
        return state
    }

    /// Takes up the tensors of a verified checkpoint. Every rank calls it.
    ///
    /// - Parameter checkpoint: Rank 0's; the others have none.
    /// - Throws: `AgreedFailure` where rank 0 cannot read it.
    private func load(_ checkpoint: Checkpoint?) throws {
        try transfer(.fromFirstRank) { transfer throws(Failure) in
            guard let checkpoint else { preconditionFailure("rank 0 has the checkpoint") }
            try checkpoint.loadTensors(modelFileName, into: NamedArena(averaging.weights, layout).destinations)
            for (name, tensors) in zip(ownedFiles.map(\.name), split(transfer.destinations)) {
                try checkpoint.loadTensors(name, into: tensors)
            }
        }
        try averaging.publishFromFirstRank()
        noteState()
    }

    /// The files of what each rank holds of its shard, and the arenas in each.
    private var ownedFiles: [(name: String, arenas: [StateTransfer.OwnedArena])] {
        // In Float32 the weights are the master weights; in Float16 those stand with the optimizer.
        let masters = Element.self == Float.self ? [] : [(masterPrefix, master)]
        let states = masters + zip(optimizer.stateNames, states).map { ("\($0)/", $1) }
        let files: [(name: String, arenas: [StateTransfer.OwnedArena])] = [
            ("optimizer-\(optimizer.name).safetensors", states), (averagedFileName, averages.map { [("", $0)] } ?? []),
        ]
        return files.filter { !$0.arenas.isEmpty }
    }

    /// The tensors of each of `ownedFiles`.
    private func split<Tensor>(_ tensors: [Tensor]) -> [[Tensor]] {
        var rest = tensors[...]
        return ownedFiles.map { file in
            let count = file.arenas.count * layout.parameters.count
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
    }

    /// Lets rank 0 do something with the optimizer's state of all ranks, and every rank know how it went.
    private func transfer(
        _ direction: StateTransfer.Direction, _ body: (StateTransfer) throws(Failure) -> Void
    ) throws {
        let transfer = StateTransfer(
            direction, ownedFiles.flatMap(\.arenas), layout, shards: averaging.shards, communicator)
        var failure: Failure?
        if communicator.rank == 0 {
            do throws(Failure) { try body(transfer) } catch { failure = error }
            try transfer.finish()
        } else {
            try transfer.serve()
        }
        try communicator.together { () throws(Failure) in if let failure { throw failure } }
    }
}
