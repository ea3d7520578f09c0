import Checkpoints
import Failures
import Files
import Foundation
import Interchange
import Layers
import Models
import Tensors
import TestSupport
import Testing

/// A model written by `Golden/make_golden.py`, with the results of transformers.
struct GoldenModel {
    let directory: String

    init(directory: String) { self.directory = directory }

    init(_ name: String) throws {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Golden"))
        directory = url.path
    }

    static let names = [
        "gpt2", "gpt2_untied", "llama", "llama_shards", "bert", "bert_untied", "bert_classes", "marian",
        "marian_apart", "vit", "llama_scaled", "llama_dynamic", "mistral", "qwen2", "qwen3", "gemma", "gpt_neox",
        "starcoder2",
        "neox_serial", "roberta", "roberta_classes", "distilbert", "distilbert_classes", "marian_bias", "bart", "deit",
        "mistral_window", "qwen2_window", "t5", "t5_gated",
    ]

    /// Reads a tensor of the example.
    func example<Element>(_ name: String, _: Element.Type) throws -> [Element] {
        try TensorFile("\(directory)/example.safetensors").elements(name, Element.self)
    }

    /// The shape of a tensor of the example; nil if there is none of that name.
    func shape(_ name: String) throws -> [Int]? {
        try SafetensorsFile("\(directory)/example.safetensors")[name]?.shape
    }
}

/// Reads the tensors of a safetensors file.
struct TensorFile {
    private let path: String

    init(_ path: String) { self.path = path }

    func tensors() throws -> [SafetensorsFile.Tensor] { try SafetensorsFile(path).tensors }

    func elements<Element>(_ name: String, _: Element.Type) throws -> [Element] {
        let file = try SafetensorsFile(path)
        let count = try #require(file[name], "\(name)").shape.reduce(1, *)
        return try [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            try file.read(name, into: UnsafeMutableRawBufferPointer(buffer))
            initialized = count
        }
    }
}

/// An imported model with its weights.
struct LoadedModel {
    let reader: ModelReader
    let layout: ParameterLayout
    let weights: Arena<Float>

    init(_ directory: String) throws {
        reader = try ModelReader(directory)
        layout = reader.model.makeLayout()
        weights = Arena<Float>(count: layout.count)
        try reader.load(layout, into: weights)
    }

    /// The logits for the golden model's example, at every position or of every sequence.
    func logits(_ golden: GoldenModel) throws -> [Float] {
        try withInput(golden) { model, input, activations in
            let context = LayerContext(weights: weights.base, Workspace())
            let rows = model.outputRows(sequences: input.sequences, positions: input.positions)
            var logits = [Float](repeating: .nan, count: rows * model.head.outputWidth)
            model.forward(input, activations, context)
            let hidden = model.head.transformed(activations.output, rows: rows, context)
            model.head.output.forward(hidden, into: &logits, rows: rows, context)
            return logits
        }
    }

    /// Calls `body` with the model, and the input of the golden model's example.
    func withInput<Result>(
        _ golden: GoldenModel,
        _ body: (Transformer<Float>, ModelInput, Transformer<Float>.Activations) throws -> Result
    ) throws -> Result {
        let model = Transformer<Float>(reader.model.configuration, reader.model.sizes)
        let patches = try golden.shape("pixels") == nil ? [] : patches(golden)
        let tokens = patches.isEmpty ? try golden.example("tokens", Int32.self) : []
        let sources = try golden.shape("sources") == nil ? [] : golden.example("sources", Int32.self)
        let lengths = try golden.shape("lengths") == nil ? [] : golden.example("lengths", Int32.self)
        let positions = patches.isEmpty ? tokens.count / 2 : reader.model.contextLength
        let activations = model.makeActivations(sequences: 2, positions: max(positions, sources.count / 2))
        return try withTestMemory { memory in
            var input = ModelInput(sequences: 2, positions: positions)
            if patches.isEmpty {
                input.tokens = TokenInput(tokens: memory.integers(tokens.map(Int.init)))
            } else {
                input.patches = UnsafePointer(memory.numbers(patches.map(Double.init), Float.self))
            }
            let lengths = lengths.isEmpty ? nil : memory.integers(lengths.map(Int.init))
            if sources.isEmpty {
                input.lengths = lengths.map { UnsafePointer($0) }
            } else {
                input.source = .init(
                    tokens: memory.integers(sources.map(Int.init)), positions: sources.count / 2, lengths: lengths!)
            }
            return try withExtendedLifetime((weights, activations)) { try body(model, input, activations) }
        }
    }

    /// Converts the example's images, [B, K, H, W], to patches, [B, patches, K, P, P].
    private func patches(_ golden: GoldenModel) throws -> [Float] {
        let pixels = try golden.example("pixels", Float.self)
        let (image, edge) = (try #require(reader.model.image), reader.model.configuration.patchSize)
        var patches: [Float] = []
        for b in 0..<2 {
            for top in stride(from: 0, to: image.height, by: edge) {
                for left in stride(from: 0, to: image.width, by: edge) {
                    for channel in 0..<image.channels {
                        for y in top..<top + edge {
                            for x in left..<left + edge {
                                let row = (b * image.channels + channel) * image.height + y
                                patches.append(pixels[row * image.width + x])
                            }
                        }
                    }
                }
            }
        }
        return patches
    }
}

/// A copy of a golden model that can be modified.
final class SpoiledModel {
    let directory = TemporaryDirectory()
    private var tensors: [(name: String, shape: [Int], numbers: [Float])] = []
    private var type = TensorType.float32
    private var members: [JSON.Member]

    /// Copies a model to a single file of Float32 tensors.
    init(_ name: String) throws {
        let golden = try GoldenModel(name)
        let path = "\(golden.directory)/config.json"
        members = try #require(try JSON(parsing: FileSystem.contents(of: path), source: path).objectValue)
        let file = TensorFile("\(golden.directory)/model.safetensors")
        tensors = try file.tensors().map { ($0.name, $0.shape, try file.elements($0.name, Float.self)) }
    }

    /// Sets a member of config.json; nil removes it.
    func set(_ name: String, _ value: JSON?) {
        members.removeAll { $0.name == name }
        if let value { members.append(JSON.Member(name, value)) }
    }

    /// Renames tensors; nil removes one.
    func rename(_ body: (String) -> String?) {
        tensors = tensors.compactMap { tensor in
            body(tensor.name).map { ($0, tensor.shape, tensor.numbers) }
        }
    }

    /// Adds a tensor.
    func add(_ name: String, _ shape: [Int], _ numbers: [Float]) { tensors.append((name, shape, numbers)) }

    /// The values of a tensor.
    func numbers(_ name: String) throws -> [Float] { try #require(tensors.first { $0.name == name }).numbers }

    /// Writes the copy and returns its directory.
    func write() throws -> String {
        try FileSystem.replaceContents(of: directory.file("config.json"), with: JSON.object(members).page)
        let sources = tensors.map { tensor in
            TensorSource(name: tensor.name, type: .float32, shape: tensor.shape) { body throws(Failure) in
                let bytes = tensor.numbers.withUnsafeBytes { Array($0) }
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
                defer { buffer.deallocate() }
                buffer.copyBytes(from: bytes)
                try body(UnsafeRawBufferPointer(buffer))
            }
        }
        try SafetensorsFile.replace(directory.file("model.safetensors"), with: sources)
        return directory.path
    }
}
