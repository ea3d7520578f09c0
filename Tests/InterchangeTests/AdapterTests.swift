import Failures
import Files
import Foundation
import Interchange
import Kernels
import Layers
import Models
import Objectives
import Products
import Tensors
import TestSupport
import Testing

/// Adapters of the library PEFT, written by `Golden/make_adapters.py`, with its results.
struct AdapterTests {
    private static let names = ["llama", "gpt2", "gpt_neox", "marian"]

    /// An adapter and the model that it adapts.
    private struct Adapted {
        let golden: GoldenModel
        let example: GoldenModel
        let base: LoadedModel
        let model: Transformer<Float>
        let adapters: Arena<Float>

        var layout: ParameterLayout { model.layout }

        init(_ name: String, in directory: String? = nil) throws {
            golden = try GoldenModel(name)
            let path = try directory ?? "\(GoldenModel("adapters").directory)/\(name)"
            example = GoldenModel(directory: "\(try GoldenModel("adapters").directory)/\(name)")
            base = try LoadedModel(golden.directory)
            let reader = try AdapterReader(path, for: base.reader.model, base.layout)
            model = Transformer<Float>(
                base.reader.model.configuration, base.reader.model.sizes, reader.adaptation)
            adapters = Arena<Float>(count: model.layout.trained.count)
            try reader.load(model.layout, into: adapters)
        }

        /// The logits with the adapters beside the frozen weights.
        func logits() throws -> [Float] {
            try base.withInput(golden) { _, input, activations in
                let context = LayerContext(
                    weights: base.weights.base, adapters: AdapterArenas(weights: adapters.base), Workspace())
                let rows = input.sequences * input.positions
                var logits = [Float](repeating: .nan, count: rows * model.head.outputWidth)
                model.forward(input, activations, context)
                let hidden = model.head.transformed(activations.output, rows: rows, context)
                model.head.output.forward(hidden, into: &logits, rows: rows, context)
                return withExtendedLifetime(adapters) { logits }
            }
        }

        /// The gradients of Σ cross-entropy, in an arena of the adapters.
        func gradients() throws -> Arena<Float> {
            let gradients = Arena<Float>(count: layout.trained.count)
            let targets = try example.example("targets", Int32.self)
            try base.withInput(golden) { _, input, activations in
                let workspace = Workspace()
                let context = LayerContext(
                    weights: base.weights.base,
                    adapters: AdapterArenas(weights: adapters.base, gradients: gradients.base), workspace)
                let rows = input.sequences * input.positions
                let losses = workspace.floats(.losses, rows)
                let outputGradient = workspace.floats(.branchGradient, rows * model.head.inputWidth)
                model.forward(input, activations, context)
                targets.withUnsafeBufferPointer { targets in
                    _ = Prediction(.crossEntropy(smoothing: 0)).backward(
                        hidden: activations.output, head: model.head, targets: .classes(targets.baseAddress!),
                        gradientScale: 1, losses: losses, hiddenGradient: outputGradient, rows: rows, context)
                }
                model.backward(input, outputGradient: outputGradient, activations, context) { _ in }
                withExtendedLifetime((adapters, gradients)) {}
            }
            return gradients
        }

        /// Writes an arena of the adapters as PEFT does.
        func write(_ arena: Arena<Float>, to directory: String) throws {
            try AdapterWriter(base.reader.modelClass, base.reader.model).write(
                layout, arena, dropout: 0, base: "base", as: .float32, to: directory)
        }
    }

    /// The logits are those of PEFT, with the adapters beside the weights and merged into them.
    @Test(arguments: names) func logitsMatchPEFT(name: String) throws {
        let adapted = try Adapted(name)
        let expected = try adapted.example.example("logits", Float.self).map(Double.init)
        let beside = try adapted.logits()
        expectClose(beside, expected, absolute: 3e-5, name)
        for adapter in adapted.layout.adapters {
            adapter.merge(adapted.adapters.base, into: adapted.base.weights.base)
        }
        let merged = try adapted.base.logits(adapted.golden)
        expectClose(merged, beside.map(Double.init), absolute: 1e-5, "\(name), merged")
        withExtendedLifetime(adapted) {}
    }

    /// The gradients of both matrices are those of PEFT. The writer gives them PEFT's names and order.
    @Test(arguments: names) func gradientsMatchPEFT(name: String) throws {
        let (adapted, directory) = (try Adapted(name), TemporaryDirectory())
        try adapted.write(try adapted.gradients(), to: directory.path)
        let written = TensorFile(directory.file("adapter_model.safetensors"))
        let tensors = try written.tensors()
        #expect(tensors.count == 2 * adapted.layout.adapters.count)
        for tensor in tensors {
            let expected = try adapted.example.example("gradient.\(tensor.name)", Float.self).map(Double.init)
            // Rounding errors grow with the largest elements of a matrix.
            let largest = expected.reduce(1) { max($0, abs($1)) }
            expectClose(
                try written.elements(tensor.name, Float.self), expected, absolute: 5e-5 * largest,
                "\(name), \(tensor.name)")
        }
    }

    /// What is written is what was read, byte for byte.
    @Test(arguments: names) func exportReproducesImport(name: String) throws {
        let (adapted, directory) = (try Adapted(name), TemporaryDirectory())
        try adapted.write(adapted.adapters, to: directory.path)
        let theirs = TensorFile("\(adapted.example.directory)/adapter_model.safetensors")
        let ours = TensorFile(directory.file("adapter_model.safetensors"))
        #expect(try ours.tensors().map(\.name) == theirs.tensors().map(\.name).sorted())
        for tensor in try theirs.tensors() {
            #expect(
                try ours.elements(tensor.name, Float.self) == theirs.elements(tensor.name, Float.self), "\(tensor.name)"
            )
        }
        let again = try Adapted(name, in: directory.path)
        #expect(again.layout.adaptation == adapted.layout.adaptation)
    }

    /// Adapters of queries and of values become one of the module that computes both, with the sum of their ranks.
    @Test func adaptersOfOneModuleAreCombined() throws {
        let (base, directory) = (try LoadedModel(GoldenModel("gpt2").directory), TemporaryDirectory())
        var adaptation = LowRankAdaptation()
        (adaptation.rank, adaptation.targets) = (2, ["attention.query", "attention.value", "feed_forward.projection"])
        let layout = Transformer<Float>(base.reader.model.configuration, base.reader.model.sizes, adaptation).layout
        let adapters: Arena<Float> = layout.trained.randomArena(Float.self, seed: 1, deviation: 0.3)
        try AdapterWriter(base.reader.modelClass, base.reader.model).write(
            layout, adapters, dropout: 0.1, base: "base", as: .float32, to: directory.path)
        let path = directory.file("adapter_config.json")
        let written = try JSON(parsing: FileSystem.contents(of: path), source: path)
        #expect(written["r"] == 4)
        #expect(written["lora_alpha"]?.doubleValue == 32)
        #expect(written["rank_pattern"]?["transformer.h.0.mlp.c_proj"] == 2)
        #expect(written["alpha_pattern"]?["transformer.h.1.mlp.c_proj"]?.doubleValue == 16)
        let file = TensorFile(directory.file("adapter_model.safetensors"))
        let name = "base_model.model.transformer.h.0.attn.c_attn"
        let (a, b) = (
            try file.elements("\(name).lora_A.weight", Float.self),
            try file.elements("\(name).lora_B.weight", Float.self)
        )
        // The update of the fused weight [72, 24].
        let update = Reference.matrixProduct(b.map(Double.init), a.map(Double.init), m: 72, n: 24, k: 4).map { 8 * $0 }
        let merged = Arena<Float>(count: layout.count)
        for adapter in layout.adapters { adapter.merge(adapters.base, into: merged.base) }
        let weight = try #require(layout.parameters.first { $0.name == "blocks.0.attention.query_key_value.weight" })
        expectClose(array(merged.base + weight.offset, weight.count), update, absolute: 1e-5)
        #expect(update[24 * 30] == 0)
        withExtendedLifetime((adapters, merged)) {}
    }

    /// Members of adapter_config.json that mean something else are rejected, and so are tensors for another model or
    /// rank.
    @Test func unsuitableAdaptersAreRejected() throws {
        let (source, directory) = (try GoldenModel("adapters").directory + "/llama", TemporaryDirectory())
        let base = try LoadedModel(GoldenModel("llama").directory)
        let path = "\(source)/adapter_config.json"
        let members = try #require(try JSON(parsing: FileSystem.contents(of: path), source: path).objectValue)
        try FileSystem.copy("\(source)/adapter_model.safetensors", to: directory.file("adapter_model.safetensors"))
        func read(_ name: String, _ value: JSON, for other: String? = nil) throws {
            let changed = members.filter { $0.name != name } + [JSON.Member(name, value)]
            try FileSystem.replaceContents(
                of: directory.file("adapter_config.json"), with: JSON.object(changed).page)
            let model = try other.map { try LoadedModel(GoldenModel($0).directory) } ?? base
            let reader = try AdapterReader(directory.path, for: model.reader.model, model.layout)
            let layout = model.reader.model.configuration.layout(model.reader.model.sizes, reader.adaptation)
            try reader.load(layout, into: Arena<Float>(count: layout.trained.count))
        }
        try read("revision", .null)
        for (name, value) in [
            ("peft_type", "IA3"), ("use_dora", true), ("use_rslora", true), ("bias", "all"), ("r", 0), ("r", .null),
            ("modules_to_save", ["lm_head"]), ("rank_pattern", ["q_proj": 4]), ("init_lora_weights", "pissa"),
            ("lora_alpha", -1), ("lora_dropout", 1), ("lora_bias", true),
        ] as [(String, JSON)] {
            expectFailure(.badData, "adapter_config.json", name) { try read(name, value) }
        }
        expectFailure(.badData, "its shape is [3, 32]; for rank 2", "must be [2, 32]") { try read("r", 2) }
        expectFailure(
            .badData, "adapts model.layers.0.mlp.down_proj, which the base model does not have; the nearest: "
        ) {
            try read("revision", .null, for: "gpt2")
        }
        // A Llama of another width.
        expectFailure(.badData, "lora_A.weight: its shape is [3, ", "and this base model it must be [3, ") {
            try read("revision", .null, for: "llama_scaled")
        }
    }
}
