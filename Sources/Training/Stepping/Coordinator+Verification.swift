import Texts
import Collectives
import Failures
import Files
import Kernels
import Tensors
import Threads

// Detection of silent data corruption: weights and state that have changed without an update.

extension Coordinator {
    /// Creates the guard of all state that this rank owns.
    func makeStateGuard() -> StateGuard { StateGuard(ownedArenas, pieces: pieces.reduce(0) { $0 + $1.count }) }

    /// The weights and optimizer state that this rank owns.
    private var ownedArenas: [StateGuard.GuardedArena] {
        var arenas = master.guarded
        let kept = zip(optimizer.stateNames, states).map { ($0, $1) } + (averages.map { [("average", $0)] } ?? [])
        for (name, arena) in kept {
            arenas.append(
                StateGuard.GuardedArena(
                    name: name, base: UnsafeRawPointer(arena.base), format: .float32, place: .shard))
        }
        return arenas
    }

    /// Compares what an update has overwritten with the recorded checksums, and records what is there now.
    ///
    /// - Parameter average: The change of the moving average, if there is one.
    func guardUpdate(of piece: UpdatePiece, _ changes: UpdateChecksums, _ average: OverwritingChecksums?) {
        guard let stateGuard else { return }
        // In the order of `ownedArenas`.
        var arena = 0
        func replace(_ change: OverwritingChecksums) {
            stateGuard.replace(piece, arena: arena, change)
            arena += 1
        }
        replace(changes.weights)
        if MasterWeights<Element>.areCopies { replace(changes.working) }
        if states.count > 0 { replace(changes.states.0) }
        if states.count > 1 { replace(changes.states.1) }
        average.map(replace)
    }

    /// Throws if weights or state to be saved are infinite or NaN: no run could resume from them, and they would
    /// replace valid checkpoints. Collective: every rank calls it.
    ///
    /// - Throws: `AgreedFailure` with `internalError`, naming the tensor.
    func refuseNonFinite() throws {
        let (arenas, pieces) = (ownedArenas, Array(pieces.joined()))
        func isBroken(_ arena: StateGuard.GuardedArena, _ piece: UpdatePiece) -> Bool {
            firstNonFinite(arena.bytes(of: piece), arena.format) != nil
        }
        let broken = UnsafeMutableBufferPointer<Bool>.allocate(capacity: pieces.count)
        defer { broken.deallocate() }
        let flags = broken.baseAddress!
        parallel(pieces.count) { number in
            (flags + number).initialize(to: arenas.contains { isBroken($0, pieces[number]) })
        }
        try communicator.together { () throws(Failure) in
            guard let number = pieces.indices.first(where: { flags[$0] }),
                let arena = arenas.first(where: { isBroken($0, pieces[number]) })
            else { return }
            throw Failure(
                .internalError,
                "step \(step): not saved, because the \(arena.name) of \(layout.parameters[pieces[number].parameter].name) "
                    + "are infinite or not a number. The last checkpoint is untouched. Lower schedule.peak or set "
                    + "optimizer.clip_norm, and resume from it with --resume DIR.")
        }
    }

    /// Records the current state of all pieces that this rank owns, after reading them from a checkpoint.
    func noteState() {
        guard let stateGuard else { return }
        for piece in pieces.joined() { stateGuard.note(piece) }
    }

    /// Compares all pieces that this rank owns with their recorded checksums, and the weights of all ranks with each
    /// other. Must succeed before a checkpoint is committed. Collective: every rank calls it.
    ///
    /// - Throws: `Failure` or `AgreedFailure` with `diverged`.
    func verifyAll() throws {
        guard let stateGuard else { return }
        let pieces = Array(pieces.joined())
        parallel(pieces.count) { stateGuard.compare(pieces[$0]) }
        try refuseChanges()
        try compareReplicas()
    }

    /// Compares the weights of all ranks with each other every `verifyEvery` steps.
    func verifyReplicas() throws {
        if stateGuard != nil, (step + 1) % verifyEvery == 0 { try compareReplicas() }
    }

    /// Throws if a change of this rank's state was detected.
    ///
    /// - Throws: `diverged`, naming the parameter.
    func refuseChanges() throws(Failure) {
        guard let (arena, number) = stateGuard?.change else { return }
        let piece = pieces.joined().first { $0.number == number }!
        throw Failure(
            .diverged,
            "step \(step + 1): the \(arena) of \(layout.parameters[piece.parameter].name) changed in memory without an "
                + "update. \(divergenceAdvice)")
    }

    /// Compares the weights that each rank computes with. Collective: every rank calls it.
    ///
    /// - Throws: `AgreedFailure` with `diverged`, naming the ranks and the parameter.
    func compareReplicas() throws {
        guard let replicaChecksums else { return }
        let parameters = layout.parameters
        let weights = averaging.weights
        parallel(parameters.count) { index in
            let bytes = UnsafeRawBufferPointer(weights.bytes(of: parameters[index].range))
            replicaChecksums.note(checksum(bytes), of: index)
        }
        guard let index = try replicaChecksums.firstDifference(communicator) else { return }
        let culprits = try ranksThatDiffer(index)
        let name = parameters[index].name
        throw AgreedFailure(
            Failure(
                .diverged,
                "step \(step + 1): the weights \(name) in the memory of \(culprits) differ from the last values written. "
                    + divergenceAdvice))
    }

    /// The ranks whose copy of a parameter differs from the values that the owners of its parts have written.
    /// Collective: every rank calls it.
    private func ranksThatDiffer(_ parameter: Int) throws -> String {
        let range = layout.parameters[parameter].range
        let isIntact = pieces.joined().allSatisfy {
            $0.parameter != parameter || stateGuard?.isIntact($0) != false
        }
        let parts = averaging.shards.map { shard -> String in
            var digest = Digest()
            for piece in shard.pieces(of: range) {
                digest.update(UnsafeRawBufferPointer(averaging.weights.bytes(of: piece.range)))
            }
            return digest.hexadecimal()
        }
        let texts = try communicator.gather(([isIntact ? "intact" : "broken"] + parts).joined(separator: " "))
        return try communicator.onFirstRank { () throws(Failure) in
            let views = texts.map { $0.exactParts(at: " ", omittingEmpty: true) }
            let owners = views.indices.filter { views[$0][0] == "intact" }
            let differing = views.indices.filter { rank in
                !owners.contains(rank) || owners.contains { views[rank][1 + $0] != views[$0][1 + $0] }
            }
            return (differing.count == 1 ? "rank " : "ranks ") + differing.map(String.init).joined(separator: ", ")
        }
    }

    private var divergenceAdvice: String {
        "The step was not saved: repeat the same command to resume from the last checkpoint. If it happens again, test "
            + "this host's memory."
    }
}
