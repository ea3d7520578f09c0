import Checkpoints
import Files
import TestSupport

/// The memory of a tensor, freed with this object.
final class Memory {
    let buffer: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        buffer = .allocate(byteCount: byteCount, alignment: 64)
        for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: index &* 37 &+ 11) }
    }

    convenience init(_ floats: [Float]) {
        self.init(byteCount: floats.count * 4)
        floats.withUnsafeBytes { buffer.copyMemory(from: $0) }
    }

    deinit { buffer.deallocate() }

    var bytes: [UInt8] { Array(buffer) }
}

/// A small model with optimizer and state, and a run directory for its checkpoints.
final class SampleRun {
    let directory = TemporaryDirectory()
    let run: RunDirectory
    var state = CheckpointState(
        step: 400, consumedSamples: 6400, tokens: 1_638_400, skippedSteps: 2,
        lossScaler: .init(scale: 65536, cleanSteps: 17, hysteresisLeft: 2), validationLoss: 1.25,
        watched: .init(
            name: "validation_loss", value: 1.25, best: 1.125, bestStep: 300, reference: 1.5,
            evaluationsWithoutImprovement: 3))
    var identity: JSON = ["configuration": "run:\n  seed: 1337\n", "layout": "0123", "tokenizer": ["type": "byte"]]
    var tokenizerModel: [UInt8] = []
    var weightName = "wte.weight"
    var weightShape = [3, 4]
    let weights = Memory((0..<12).map { Float($0) / 7 })
    let bias = Memory([1, -2, 3])
    let moments = Memory((0..<12).map { Float($0 * $0) })
    /// Larger than a block, so that it spans two.
    let large = Memory(byteCount: (1 << 20) + 4)

    init() {
        run = RunDirectory(directory.file("runs/sample"))
    }

    var files: [(name: String, tensors: [TensorSource])] {
        [
            (
                "model.safetensors",
                [
                    TensorSource(name: weightName, type: .float32, shape: weightShape, bytes: .init(weights.buffer)),
                    TensorSource(name: "wte.bias", type: .float32, shape: [3], bytes: .init(bias.buffer)),
                ]
            ),
            (
                "optimizer-adamw.safetensors",
                [
                    TensorSource(name: "moment", type: .float32, shape: [12], bytes: .init(moments.buffer)),
                    TensorSource(name: "large", type: .uint8, shape: [large.buffer.count], bytes: .init(large.buffer)),
                ]
            ),
        ]
    }

    /// Commits the current sample, at `step` if it is given.
    @discardableResult
    func commit(step: Int? = nil, validationLoss: Double? = nil, isPrivate: Bool = false) throws -> Checkpoint {
        if let step {
            (state.step, state.validationLoss) = (step, validationLoss)
            state.watched?.value = validationLoss
        }
        return try Checkpoint.commit(
            run: run, state: state, program: "dtrain 0.0.0", identity: identity, tokenizerModel: tokenizerModel,
            files: files, isPrivate: isPrivate)
    }
}

/// Flips one bit of a file in place.
func flipBit(_ path: String, at offset: Int) throws {
    let file = try File(path, .update)
    let byte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
    defer { byte.deallocate() }
    try file.read(into: byte, at: offset)
    byte[0] ^= 1
    try file.write(UnsafeRawBufferPointer(byte), at: offset)
}
