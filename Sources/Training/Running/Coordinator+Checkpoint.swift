import Checkpoints
import Collectives
import Failures
import Kernels
import Optimizers
import Tensors

extension Coordinator {
    /// The tensors of a checkpoint: weights as they are computed with, and all that the optimizer keeps.
    var checkpointFiles: [(name: String, tensors: [TensorSource])] {
        let model = arenas(inFile: modelFileName).flatMap { $0.sources(layout) }
        let optimizer = arenas(inFile: optimizerFileName).flatMap { $0.sources(layout) }
        return [(modelFileName, model), (optimizerFileName, optimizer)]
    }

    /// The counters of a checkpoint.
    func checkpointState(validationLoss: Double?, bestValidationLoss: Double?) -> CheckpointState {
        CheckpointState(
            step: step, consumedSamples: consumedSamples, tokens: tokens, skippedSteps: skippedSteps,
            lossScaler: scaler.map {
                .init(scale: $0.scale, cleanSteps: $0.cleanSteps, hysteresisLeft: $0.hysteresisLeft)
            },
            validationLoss: validationLoss, bestValidationLoss: bestValidationLoss)
    }

    /// Fills this process's arenas from a verified checkpoint. Rank 0 does it and broadcasts them.
    func load(_ checkpoint: Checkpoint) throws(Failure) {
        for file in [modelFileName, optimizerFileName] {
            try checkpoint.loadTensors(file, into: arenas(inFile: file).flatMap { $0.destinations(layout) })
        }
    }

    /// Gives every rank rank 0's arenas.
    func broadcastArenas(_ communicator: any Communicator) throws(MPIError) {
        for arena in [master] + states {
            try communicator.broadcast(arena.bytes(of: 0..<layout.count), from: 0)
        }
    }

    private var modelFileName: String { "model.safetensors" }
    private var optimizerFileName: String { "optimizer-\(optimizer.name).safetensors" }

    /// In Float32 the weights are the master weights; in Float16 those stand with the optimizer.
    private func arenas(inFile file: String) -> [NamedArena] {
        if file == modelFileName { return [NamedArena(prefix: "", replica.forwardPass.weights)] }
        let moments = zip(optimizer.stateNames, states).map { NamedArena(prefix: "\($0)/", $1) }
        return (Element.self == Float.self ? [] : [NamedArena(prefix: "master/", master)]) + moments
    }
}

/// An arena whose parameters stand in a file under a prefix.
private struct NamedArena {
    let prefix: String
    let type: TensorType
    let bytes: (Range<Int>) -> UnsafeMutableRawBufferPointer

    init<Element: Storage>(prefix: String, _ arena: Arena<Element>) {
        self.prefix = prefix
        type = Element.self == Float.self ? .float32 : .float16
        bytes = arena.bytes(of:)
    }

    func sources(_ layout: ParameterLayout) -> [TensorSource] {
        layout.parameters.map {
            TensorSource(
                name: prefix + $0.name, type: type, shape: $0.shape, bytes: UnsafeRawBufferPointer(bytes($0.range)))
        }
    }

    func destinations(_ layout: ParameterLayout) -> [TensorDestination] {
        layout.parameters.map {
            TensorDestination(name: prefix + $0.name, type: type, shape: $0.shape, bytes: bytes($0.range))
        }
    }
}
