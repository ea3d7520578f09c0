import Checkpoints
import Files
import Tensors
import TestSupport
import Testing
import Tokenizers

@testable import GGUF
@testable import Interchange

/// Types of exported weights, several files, and GGUF.
struct ExportFormatTests {
    private let directory = TemporaryDirectory()

    private func write(_ name: String, as type: ExportType, shardBytes: Int = ModelWriter.shardBytes) throws
        -> LoadedModel
    {
        let loaded = try LoadedModel(try GoldenModel(name).directory)
        let writer = try ModelWriter(loaded.reader.modelClass, loaded.reader.model, to: directory.path)
        try writer.write(loaded.layout, loaded.weights, as: type, shardBytes: shardBytes)
        return loaded
    }

    /// Files of at most 9 kB, each with a whole number of tensors, give the same model again.
    @Test(arguments: ["gpt2", "llama"])
    func largeModelsHaveSeveralFiles(name: String) throws {
        let loaded = try write(name, as: .float32, shardBytes: 9000)
        let files = try FileSystem.list(directory.path).filter { $0.hasSuffix(".safetensors") }
        let count = String(repeating: "0", count: 5 - "\(files.count)".count) + "\(files.count)"
        #expect(files.count > 3 && files.contains("model-00001-of-\(count).safetensors"))
        for file in files {
            let tensors = try TensorFile(directory.file(file)).tensors()
            let bytes = tensors.reduce(0) { $0 + $1.shape.reduce(4, *) }
            #expect(bytes <= 9000 || tensors.count == 1)
        }
        let again = try LoadedModel(directory.path)
        #expect(array(again.weights.base, again.layout.count) == array(loaded.weights.base, loaded.layout.count))
    }

    @Test(arguments: [ExportType.float16, .bfloat16])
    func halvesAreRoundedOnce(type: ExportType) throws {
        let loaded = try write("llama", as: type)
        let again = try LoadedModel(directory.path)
        let original = array(loaded.weights.base, loaded.layout.count)
        let expected = original.map { type == .float16 ? Float(Float16($0)) : BFloat16($0).float32 }
        #expect(array(again.weights.base, again.layout.count) == expected)
        let path = directory.file("config.json")
        let configuration = try JSON(parsing: FileSystem.contents(of: path), source: path)
        #expect(
            configuration["dtype"] == .string(type.rawValue) && configuration["torch_dtype"] == configuration["dtype"])
    }

    @Test func valuesBeyondFloat16AreRefusedByName() throws {
        let loaded = try LoadedModel(try GoldenModel("llama").directory)
        let head = try #require(loaded.layout.parameters.first { $0.name == "head.weight" })
        loaded.weights.base[head.offset] = 1e6
        let writer = try ModelWriter(loaded.reader.modelClass, loaded.reader.model, to: directory.path)
        expectFailure(.usage, "tensor lm_head.weight has a value beyond the range of Float16", "--type bfloat16") {
            try writer.write(loaded.layout, loaded.weights, as: .float16)
        }
        expectFailure(.usage, "--type: found q8_0; allowed: float32, float16, bfloat16") {
            try writer.write(loaded.layout, loaded.weights, as: .q8)
        }
    }

    // MARK: GGUF

    private func ggufBytes(_ name: String, as type: ExportType) throws -> [UInt8] {
        let loaded = try LoadedModel(try GoldenModel(name).directory)
        let model = loaded.reader.model
        let vocabulary = GGUFVocabulary(
            NumberTokenizer(vocabularySize: model.vocabularySize, specialTokens: model.special), for: model)
        try GGUFModel(model).write(loaded.layout, loaded.weights, as: type, vocabulary, to: directory.path)
        return try FileSystem.contents(of: directory.file("model.gguf"))
    }

    /// The contents of whole files are compared by `Golden/check_gguf.py`, with the package gguf.
    @Test func ggufHasHeaderAndAlignedTensors() throws {
        let bytes = try ggufBytes("llama", as: .float32)
        #expect(Array(bytes[..<8]) == Array("GGUF".utf8) + [3, 0, 0, 0])
        #expect(bytes.count % 32 == 0)
        // Nine tensors for each of two blocks, two embeddings and the last normalization.
        #expect(bytes[8] == 21)
        // The last tensor is the head, in the order of the model's file.
        let head = try TensorFile("\(GoldenModel("llama").directory)/model.safetensors").elements(
            "lm_head.weight", Float.self)
        let tail = head.suffix(16).flatMap { withUnsafeBytes(of: $0) { Array($0) } }
        let padding = (32 - head.count * 4 % 32) % 32
        #expect(Array(bytes.dropLast(padding).suffix(64)) == tail)
    }

    @Test func eightBitBlocksHaveAFactor() throws {
        var values = (0..<64).map { Float($0 - 20) / 10 }
        values[63] = 0
        let tensor = values.withUnsafeBufferPointer { buffer in
            GGUFTensor(name: "x", shape: [1, 64], type: .q8) { _ in buffer.baseAddress! }
        }
        var bytes: [UInt8] = []
        try withExtendedLifetime(values) { try tensor.forEachRow { bytes += $0 } }
        #expect(bytes.count == 68 && tensor.byteCount == 68)
        for block in 0..<2 {
            let part = bytes[block * 34..<block * 34 + 34]
            let largest = values[block * 32..<block * 32 + 32].reduce(0) { max($0, abs($1)) }
            let factor = Float16(bitPattern: UInt16(part[part.startIndex]) | UInt16(part[part.startIndex + 1]) << 8)
            #expect(factor == Float16(largest / 127))
            for (index, byte) in part.dropFirst(2).enumerated() {
                let value = values[block * 32 + index]
                #expect(abs(Float(Int8(bitPattern: byte)) * largest / 127 - value) <= largest / 254 * 1.001)
            }
        }
    }

    @Test(arguments: [
        ("gpt_neox", "found a model of the class GPTNeoXForCausalLM; allowed: GPT2LMHeadModel, LlamaForCausalLM"),
        ("gpt2_untied", "model.activation: found relu; allowed: gelu"),
        ("llama_dynamic", "model.rotary_scaling: found dynamic; allowed: none, linear, llama3"),
        ("bert", "found a model of the class BertForMaskedLM"),
    ])
    func ggufRefusesOtherModels(name: String, message: String) throws {
        let model = try ModelReader(try GoldenModel(name).directory).model
        expectFailure(.usage, "--format gguf: \(message)") { _ = try GGUFModel(model) }
    }
}
