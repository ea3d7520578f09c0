import Checkpoints
import Datasets
import Models
import Numbers
import Settings
import Tensors
import TestSupport
import Testing
import Tokenizers

@testable import Inference

/// The mean of the weights of checkpoints.
struct CheckpointAverageTests {
    private let directory = TemporaryDirectory()

    /// Commits a checkpoint of a tiny model whose weights are all `value`, at step `step` of run `name`.
    private func commit(_ name: String, step: Int, _ value: Float, _ sets: String...) throws -> String {
        let configuration = try Configuration.load(
            file: nil,
            sets: ["model.layers=1", "model.heads=2", "model.width=16", "data.context_length=9"] + sets)
        let facts = DatasetFacts(textWith: ByteTokenizer().description)
        let sizes = ModelSizes(vocabularySize: 256, contextLength: 9)
        let layout = configuration.model.layout(sizes)
        let identity = RunIdentity(imported: configuration, sizes, layout: layout, facts, tokenizerModel: [])
        func commit<Element: Storage>(_: Element.Type) throws -> String {
            let (weights, masters) = (Arena<Element>(count: layout.count), Arena<Float>(count: layout.count))
            for index in 0..<layout.count { (weights.base[index], masters.base[index]) = (Element(value), value) }
            var files = [(name: modelFileName, tensors: NamedArena(weights, layout).sources)]
            if Element.self != Float.self {
                // Master weights that the storage type cannot represent.
                let tensors = layout.parameters.map {
                    TensorSource(
                        name: masterPrefix + $0.name, type: .float32, shape: $0.shape,
                        bytes: UnsafeRawBufferPointer(masters.bytes(of: $0.range)))
                }
                files.append((name: "optimizer-adamw.safetensors", tensors: tensors))
            }
            return try withExtendedLifetime((weights, masters)) {
                try Checkpoint.commit(
                    run: RunDirectory(directory.file(name)), state: CheckpointState(step: step, consumedSamples: step),
                    program: "test", identity: identity.json, files: files
                ).directory
            }
        }
        return try configuration.precision == .float16 ? commit(Float16.self) : commit(Float.self)
    }

    private func average(_ checkpoints: [String], to name: String) throws -> Checkpoint {
        _ = try CheckpointAverage(checkpoints).write(to: directory.file(name)) { _, _ in }
        return try Checkpoint.find(directory.file(name)).checkpoint
    }

    /// The mean is rounded once, has the newest step, and is the same for every order of the arguments.
    @Test func meanDoesNotDependOnTheOrder() throws {
        let values: [Float] = [1, 0x1p-24, 0.1]
        let checkpoints = try values.enumerated().map { try commit("run", step: $0 + 1, $1) }
        let mean = try average(checkpoints, to: "mean")
        #expect(mean.step == 3)
        #expect(try average([checkpoints[2], checkpoints[0], checkpoints[1]], to: "other").digest == mean.digest)
        let identity = try CheckpointIdentity(mean)
        let layout = identity.configuration.model.layout(identity.sizes)
        let weights = Arena<Float>(count: layout.count)
        try loadWeights(mean, identity, layout, into: weights, nil)
        let expected = Float(values.reduce(0) { $0 + Double($1) } / 3)
        for parameter in layout.parameters { #expect(weights.base[parameter.offset] == expected, "\(parameter.name)") }
    }

    /// Of runs in Float16, the master weights are averaged.
    @Test func masterWeightsAreAveraged() throws {
        let checkpoints = try (1...2).map { try commit("run", step: $0, 1 + Float($0) * 0x1p-20, "precision=float16") }
        let mean = try average(checkpoints, to: "mean")
        let identity = try CheckpointIdentity(mean)
        #expect(identity.configuration.precision == .float32)
        let file = try mean.openTensors(modelFileName)
        let bias = try #require(file.tensors.first { $0.name.hasSuffix("attention.projection.bias") })
        var values = [Float](repeating: 0, count: bias.shape[0])
        try values.withUnsafeMutableBytes { try file.read(bias.name, into: $0) }
        #expect(values[0] == 1 + 1.5 * 0x1p-20)
    }

    @Test func differentModelsAreRejected() throws {
        let first = try commit("a", step: 1, 1)
        expectFailure(.usage, "expected: at least two") { _ = try CheckpointAverage([first]) }
        expectFailure(.usage, "are the same checkpoint") { _ = try CheckpointAverage([first, directory.file("a")]) }
        let wider = try commit("b", step: 1, 1, "model.width=32")
        expectFailure(.usage, "have different models: model.width is 32 and 16") {
            _ = try CheckpointAverage([first, wider])
        }
        let second = try commit("a", step: 2, 2)
        expectFailure(.usage, "checkpoint average: --output: ", "already holds a run") {
            _ = try average([first, second], to: "a")
        }
    }
}
