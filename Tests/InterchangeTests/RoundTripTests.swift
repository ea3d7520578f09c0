import Datasets
import Interchange
import Tensors
import TestSupport
import Testing

/// Import and export of transformers models.
struct RoundTripTests {
    /// The logits match those of transformers, in Float32 with at most five blocks and values up to 7. The largest
    /// difference of any implementation of products is 1.1e-5 (oneDNN's with AVX2).
    @Test(arguments: GoldenModel.names)
    func logitsMatchTransformers(name: String) throws {
        let golden = try GoldenModel(name)
        let actual = try LoadedModel(golden.directory).logits(golden)
        let expected = try golden.example("logits", Float.self).map(Double.init)
        let shape = try #require(try golden.shape("logits"))
        // Values after the end of a sequence are meaningless.
        let isMasked = name.hasPrefix("bert") && shape.count == 3
        let lengths = isMasked ? try golden.example("lengths", Int32.self).map(Int.init) : []
        let width = shape.last!
        for row in 0..<expected.count / width where !isMasked || row % shape[1] < lengths[row / shape[1]] {
            let range = row * width..<(row + 1) * width
            expectClose(Array(actual[range]), Array(expected[range]), absolute: 3e-5, "\(name), row \(row)")
        }
    }

    /// Export reproduces the imported files: the same tensors, byte for byte, and the same configuration.
    @Test(arguments: GoldenModel.names.filter { $0 != "llama_shards" })
    func exportReproducesImport(name: String) throws {
        let golden = try GoldenModel(name)
        let loaded = try LoadedModel(golden.directory)
        let directory = TemporaryDirectory()
        let written = try write(loaded, to: directory.path)
        let (theirs, ours) = (TensorFile("\(golden.directory)/model.safetensors"), TensorFile(written))
        let tensors = try theirs.tensors()
        let names = try ours.tensors().map(\.name)
        #expect(names == tensors.map(\.name).sorted())
        for tensor in tensors where !tensor.name.contains("token_type_embeddings") {
            #expect(try ours.tensors().first { $0.name == tensor.name }?.shape == tensor.shape, "\(tensor.name)")
            let expected = try theirs.elements(tensor.name, Float.self)
            // The token type embedding is added to the positions on import, so only the sums agree.
            if tensor.name.contains("bert.embeddings.position_embeddings") {
                let types = try theirs.elements("bert.embeddings.token_type_embeddings.weight", Float.self)
                let sums = expected.indices.map { expected[$0] + types[$0 % (types.count / 2)] }
                #expect(try ours.elements(tensor.name, Float.self) == sums)
            } else if !tensor.name.hasSuffix("cls.predictions.bias") || name == "bert" {
                #expect(try ours.elements(tensor.name, Float.self) == expected, "\(tensor.name)")
            }
        }
        try expectSame(try ModelReader(directory.path).model, loaded.reader.model)
    }

    /// Several files in bfloat16: exporting them in Float32 and importing again gives the same weights.
    @Test func importsShardedBFloat16Files() throws {
        let loaded = try LoadedModel(try GoldenModel("llama_shards").directory)
        let directory = TemporaryDirectory()
        _ = try write(loaded, to: directory.path)
        let again = try LoadedModel(directory.path)
        #expect(array(again.weights.base, again.layout.count) == array(loaded.weights.base, loaded.layout.count))
        #expect(array(loaded.weights.base, 64).allSatisfy { $0.bitPattern & 0xFFFF == 0 })
    }

    /// Tensor names of older files, and tensors that are no longer saved.
    @Test func importsOlderTensorNames() throws {
        let gpt2 = try SpoiledModel("gpt2")
        gpt2.rename { String($0.dropFirst("transformer.".count)) }
        gpt2.add("h.0.attn.bias", [1, 1, 2, 2], [1, 0, 1, 1])
        gpt2.add("lm_head.weight", [37, 24], try gpt2.numbers("wte.weight"))
        let bert = try SpoiledModel("bert")
        bert.rename {
            $0.hasSuffix("LayerNorm.weight") || $0.hasSuffix("LayerNorm.bias")
                ? $0.dropLast($0.hasSuffix("t") ? 6 : 4) + ($0.hasSuffix("t") ? "gamma" : "beta") : $0
        }
        bert.add("cls.seq_relationship.weight", [2, 24], [Float](repeating: 1, count: 48))
        bert.add("bert.pooler.dense.bias", [24], [Float](repeating: 1, count: 24))
        bert.set("tie_word_embeddings", nil)
        for (spoiled, name) in [(gpt2, "gpt2"), (bert, "bert")] {
            let (read, golden) = (
                try LoadedModel(try spoiled.write()), try LoadedModel(try GoldenModel(name).directory)
            )
            #expect(array(read.weights.base, read.layout.count) == array(golden.weights.base, golden.layout.count))
        }
    }

    /// Rotary positions, labels and special tokens are imported.
    @Test func importsConfigurationValues() throws {
        let llama = try ModelReader(try GoldenModel("llama").directory).model
        #expect(llama.configuration.rotaryBase == 500)
        #expect(llama.configuration.keyHeads == 2)
        #expect(llama.configuration.activation == .swiglu)
        #expect(llama.special.eos == 2)
        let older = try SpoiledModel("llama")
        older.set("rope_parameters", nil)
        older.set("rope_theta", 500.0)
        older.set("rope_scaling", .null)
        try expectSame(try ModelReader(try older.write()).model, llama)
        let classes = try ModelReader(try GoldenModel("bert_classes").directory).model
        #expect(classes.labels == LabelDescription(kind: .class, names: ["en", "fr", "de"]))
        let marian = try ModelReader(try GoldenModel("marian_apart").directory).model
        #expect(marian.special.bos == 36)
        #expect((marian.configuration.layers, marian.configuration.decoderLayers) == (2, 3))
        let vit = try ModelReader(try GoldenModel("vit").directory).model
        #expect(vit.image == ImageShape(height: 8, width: 12, channels: 3))
        #expect(vit.contextLength == 7)
    }

    private func write(_ loaded: LoadedModel, to directory: String) throws -> String {
        let writer = try ModelWriter(ModelClass.holding(loaded.reader.model), loaded.reader.model, to: directory)
        try writer.write(loaded.layout, loaded.weights)
        return "\(directory)/model.safetensors"
    }

    private func expectSame(_ actual: PortableModel, _ expected: PortableModel) throws {
        #expect(actual.configuration == expected.configuration)
        #expect(actual.sizes == expected.sizes)
        #expect(actual.labels == expected.labels)
        #expect(actual.special == expected.special)
    }
}
