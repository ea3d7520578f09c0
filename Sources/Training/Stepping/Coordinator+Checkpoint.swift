import Checkpoints
import Failures
import Inference

extension Coordinator {
    /// The state to store in a checkpoint.
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

    /// The size of a checkpoint's tensors in bytes.
    var savedBytes: Int {
        layout.count
            * (MemoryLayout<Element>.stride + ownedFiles.flatMap(\.arenas).count * MemoryLayout<Float>.stride)
    }

    /// The size of the frozen weights in Float32, in bytes; 0 if all weights are trained.
    var frozenBytes: Int { (frozenWeights?.arena.count ?? 0) * MemoryLayout<Float>.stride }

    /// Writes the tensors of a checkpoint: working weights and optimizer state. Collective: every rank calls it.
    ///
    /// - Parameter write: Called on rank 0; writes or copies the tensors in the given order, and does not access them
    ///   later.
    /// - Throws: `AgreedFailure` if `write` fails; with `internalError` if weights or state are not finite; with
    ///   `diverged` if weights or state have changed without an update.
    func save(_ write: (_ files: [(name: String, tensors: [TensorSource])]) throws(Failure) -> Void) throws {
        try verifyAll()
        try refuseNonFinite()
        try transfer(.toFirstRank) { transfer throws(Failure) in
            let model = NamedArena(averaging.weights, layout).sources
            let files = zip(ownedFiles.map(\.name), split(transfer.sources))
            try write([(modelFileName, model)] + files.map { (name: $0, tensors: $1) })
        }
    }

    /// Restores the state of a verified checkpoint. Collective: every rank calls it.
    ///
    /// - Parameters:
    ///   - checkpoint: The checkpoint on rank 0; nil on other ranks.
    ///   - consumedSamples: The position in the sample stream; nil: that of the checkpoint.
    ///   - isSameDataset: On rank 0: whether the checkpoint was trained on the dataset of this run.
    ///   - isSameConfiguration: On rank 0: whether it was trained with the configuration of this run. If not, the count
    ///     of consecutive skipped steps is reset, since the change may end them.
    /// - Returns: The checkpoint's state, the same on every rank; nil if rank 0 has no checkpoint.
    /// - Throws: `AgreedFailure` if the checkpoint cannot be read.
    func takeUp(
        _ checkpoint: Checkpoint?, consumedSamples: Int? = nil, isSameDataset: Bool = true,
        isSameConfiguration: Bool = true
    ) throws -> CheckpointState? {
        let text = try communicator.onFirstRank { () throws(Failure) in
            guard var state = checkpoint?.state else { return "" }
            // Losses and metrics on other data are not comparable.
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

    /// Loads the tensors of a verified checkpoint. Collective: every rank calls it.
    ///
    /// - Parameter checkpoint: The checkpoint on rank 0; nil on other ranks.
    /// - Throws: `AgreedFailure` if the checkpoint cannot be read.
    private func load(_ checkpoint: Checkpoint?) throws {
        try transfer(.fromFirstRank) { transfer throws(Failure) in
            guard let checkpoint else { preconditionFailure("rank 0 has no checkpoint") }
            try checkpoint.loadTensors(modelFileName, into: NamedArena(averaging.weights, layout).destinations)
            for (name, tensors) in zip(ownedFiles.map(\.name), split(transfer.destinations)) {
                try checkpoint.loadTensors(name, into: tensors)
            }
        }
        try averaging.publishFromFirstRank()
        noteState()
    }

    /// The files with state that is divided into shards, and the arenas in each.
    private var ownedFiles: [(name: String, arenas: [StateTransfer.OwnedArena])] {
        let states = master.stored + zip(optimizer.stateNames, states).map { ("\($0)/", $1) }
        let files: [(name: String, arenas: [StateTransfer.OwnedArena])] = [
            ("optimizer-\(optimizer.name).safetensors", states), (averagedFileName, averages.map { [("", $0)] } ?? []),
        ]
        return files.filter { !$0.arenas.isEmpty }
    }

    /// Divides tensors by file, as in `ownedFiles`.
    private func split<Tensor>(_ tensors: [Tensor]) -> [[Tensor]] {
        var rest = tensors[...]
        return ownedFiles.map { file in
            let count = file.arenas.count * layout.parameters.count
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
    }

    /// Calls `body` on rank 0 with access to the optimizer state of all ranks; if it fails, every rank throws.
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
