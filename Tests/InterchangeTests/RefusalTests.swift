import Files
import Interchange
import Models
import TestSupport
import Testing

/// Unsupported or invalid models are rejected with the location of the problem.
struct RefusalTests {
    @Test(
        arguments: [
            (
                "gpt2", "model_type", "opt",
                "config.json: model_type: found \"opt\"; allowed: gpt2, llama, mistral, qwen2, qwen3, gemma, gpt_neox, starcoder2, "
            ),
            ("gpt2", "model_type", .null, "config.json: has no model_type"),
            ("gpt2", "architectures", ["GPT2ForSequenceClassification"], "allowed: [\"GPT2LMHeadModel\"]"),
            (
                "gpt2", "activation_function", "tanh",
                "activation_function: found \"tanh\"; allowed: gelu, gelu_new, gelu_pytorch_tanh, relu"
            ),
            ("gpt2", "n_layer", "two", "n_layer: found \"two\"; allowed: a whole number"),
            ("gpt2", "n_layer", 0, "n_layer: found 0"), ("gpt2", "vocab_size", .null, "config.json: has no vocab_size"),
            (
                "gpt2", "scale_attn_by_inverse_layer_idx", true,
                "scale_attn_by_inverse_layer_idx: found true; allowed: false"
            ),
            (
                "gpt2", "vocab_size", 38,
                "tensor transformer.wte.weight: its shape is [37, 24], but config.json requires [38, 24]"
            ),
            ("gpt2", "n_layer", 3, "tensor transformer.h.2.ln_1.weight: is missing"),
            ("gpt2", "n_layer", 1, "tensor transformer.h.1.attn.c_attn.bias: is unknown to GPT2LMHeadModel"),
            ("gpt2", "tie_word_embeddings", false, "tensor lm_head.weight: is missing"),
            ("llama", "attention_bias", true, "tensor model.layers.0.self_attn.q_proj.bias: is missing"),
            (
                "llama", "rope_parameters", ["rope_type": "llama3", "factor": 4.0],
                "has no rope_parameters.low_freq_factor"
            ),
            (
                "llama", "rope_parameters", ["rope_type": "yarn", "factor": 4.0],
                "rope_parameters.rope_type: found \"yarn\""
            ),
            ("llama", "rope_scaling", ["type": "longrope"], "rope_scaling.type: found \"longrope\"; allowed: default"),
            (
                "llama", "rope_scaling", ["type": "linear", "factor": 0.5],
                "rope_scaling.factor: found 0.5; allowed: 1 to"
            ),
            ("llama", "partial_rotary_factor", 0.5, "partial_rotary_factor: found 0.5; allowed: 1.0"),
            ("llama", "head_dim", 16, "tensor model.layers.0.self_attn.q_proj.weight: its shape is [32, 32]"),
            ("llama", "quantization_config", ["bits": 4], "quantization_config: is not supported"),
            ("mistral", "sliding_window", 0, "sliding_window: found 0; allowed: a whole number from 1"),
            (
                "qwen2_window", "layer_types", ["sliding_attention", "full_attention", "full_attention"],
                "layer_types: found"
            ),
            (
                "t5", "feed_forward_proj", "gated-relu",
                "feed_forward_proj: found \"gated-relu\"; allowed: relu, gated-gelu"
            ),
            ("gemma", "use_bidirectional_attention", true, "use_bidirectional_attention: found true; allowed: false"),
            ("gpt_neox", "attention_bias", false, "tensor gpt_neox.layers.0.attention.dense.bias: is unknown"),
            ("roberta", "pad_token_id", 13, "max_position_embeddings: found 14; allowed: a whole number from 15"),
            ("roberta", "hidden_act", "relu", "hidden_act: found \"relu\"; allowed: gelu"),
            ("distilbert", "sinusoidal_pos_embds", true, "sinusoidal_pos_embds: found true; allowed: false"),
            ("bart", "tie_word_embeddings", false, "tie_word_embeddings: found false; allowed: true"),
            ("bert", "position_embedding_type", "relative_key", "position_embedding_type: found \"relative_key\""),
            (
                "bert_classes", "id2label", ["0": "en", "2": "fr"],
                "id2label: found 2; allowed: the numbers from 0 to 1"
            ),
            ("bert_classes", "problem_type", "ranking", "problem_type: found \"ranking\"; allowed: single_label"),
            ("marian", "normalize_before", true, "normalize_before: found true; allowed: false"),
            ("marian", "decoder_vocab_size", 12, "decoder_vocab_size: found 12; allowed: 37, the value of vocab_size"),
            ("marian", "tie_word_embeddings", false, "true if share_encoder_decoder_embeddings is true"),
            ("vit", "image_size", 10, "image_size: found 10; allowed: one or two multiples of patch_size (4)"),
            ("vit", "num_channels", 2, "num_channels: found 2"),
        ] as [(String, String, JSON, String)])
    func rejectsUnsupportedConfigurations(name: String, member: String, value: JSON, message: String) throws {
        let model = try SpoiledModel(name)
        model.set(member, value)
        let directory = try model.write()
        expectFailure(.badData, message, directory) {
            let reader = try ModelReader(directory)
            try reader.check(reader.model.makeLayout())
        }
    }

    @Test func rejectsUnexpectedTensors() throws {
        func expect(_ message: String, _ name: String = "gpt2", _ spoil: (SpoiledModel) throws -> Void) throws {
            let model = try SpoiledModel(name)
            try spoil(model)
            let directory = try model.write()
            expectFailure(.badData, "\(directory)/model.safetensors: tensor \(message)") {
                _ = try LoadedModel(directory)
            }
        }
        let missing = "transformer.h.1.mlp.c_fc.bias"
        try expect("\(missing): is missing; GPT2LMHeadModel needs it; the nearest names in the file: transformer.h.") {
            $0.rename { $0 == missing ? nil : $0 }
        }
        try expect(
            "\(missing): is missing; GPT2LMHeadModel needs it; the nearest names in the file: transformer.h.1.mlp.c_fv"
        ) {
            $0.rename { $0 == missing ? "transformer.h.1.mlp.c_fv.bias" : $0 }
        }
        try expect("adapter.weight: is unknown to GPT2LMHeadModel; the nearest allowed names: ") {
            $0.add("adapter.weight", [1], [1])
        }
        // Very long names are not compared, and messages are truncated.
        try expect(String(repeating: "a", count: 1000)) { $0.add(String(repeating: "a", count: 1_000_000), [1], [1]) }
        try expect("lm_head.weight: differs from the embedding") {
            $0.add("lm_head.weight", [37, 24], [Float](repeating: 1, count: 37 * 24))
        }
        try expect("final_logits_bias: its shape is [37]", "marian") {
            $0.rename { $0 == "final_logits_bias" ? nil : $0 }
            $0.add("final_logits_bias", [37], [Float](repeating: 1, count: 37))
        }
        for value in [Float.nan, -.infinity] {
            try expect("model.norm.weight: ", "llama") {
                let numbers = try $0.numbers("model.norm.weight")
                $0.rename { $0 == "model.norm.weight" ? nil : $0 }
                $0.add("model.norm.weight", [32], Array(numbers[..<31]) + [value])
            }
        }
    }

    @Test func rejectsInvalidFiles() throws {
        let model = try SpoiledModel("llama")
        let directory = try model.write()
        expectFailure(.badData, "\(directory)/none: no such directory") { _ = try ModelReader("\(directory)/none") }
        let weights = "\(directory)/model.safetensors", index = "\(weights).index.json"
        try FileSystem.rename(weights, to: "\(directory)/part.safetensors")
        expectFailure(.badData, "holds neither model.safetensors nor model.safetensors.index.json.") {
            _ = try ModelReader(directory)
        }
        try FileSystem.replaceContents(of: "\(directory)/pytorch_model.bin", with: "x")
        expectFailure(.badData, "pytorch_model.bin is not read", "save_pretrained") { _ = try ModelReader(directory) }
        for (map, message) in [
            ("{}", "weight_map names no file"),
            ("{\"a\": \"../x.safetensors\"}", "found \"../x.safetensors\"; allowed: "),
            // A slash followed by a combining accent is one `Character`, but still a path separator; a zero byte ends a
            // name.
            ("{\"a\": \"x/\u{301}.safetensors\"}", "x/\u{301}.safetensors\"; allowed: "),
            ("{\"a\": \"part\\u0000.safetensors\"}", "part\\u0000.safetensors\"; allowed: "),
            ("{\"a\": \"part.safetensors\", \"a\": \"part.safetensors\"}", "\"a\" occurs more than once"),
            ("{\"a\": \"x.safetensors\"}", "\(directory)/x.safetensors"), ("[]", "has no weight_map"),
        ] {
            try FileSystem.replaceContents(of: index, with: "{\"weight_map\": \(map)}")
            expectFailure(.badData, message) { _ = try ModelReader(directory) }
        }
        try FileSystem.replaceContents(of: index, with: "{\"weight_map\": {\"a\": \"part.safetensors\"}}")
        #expect(throws: Never.self) { _ = try LoadedModel(directory) }
        try FileSystem.copy("\(directory)/part.safetensors", to: "\(directory)/twice.safetensors")
        try FileSystem.replaceContents(
            of: index, with: "{\"weight_map\": {\"a\": \"part.safetensors\", \"b\": \"twice.safetensors\"}}")
        expectFailure(.badData, "twice.safetensors: tensor", "is also in \(directory)/part.safetensors") {
            _ = try ModelReader(directory)
        }
    }

    /// Large sizes in config.json cause no allocation: the mismatch with the files is reported first.
    @Test func largeSizesAllocateNothing() throws {
        for (name, member) in [("llama", "vocab_size"), ("llama", "max_position_embeddings"), ("bert", "vocab_size")] {
            let model = try SpoiledModel(name)
            model.set(member, 2_000_000_000)
            let reader = try ModelReader(try model.write())
            let layout = reader.model.makeLayout()
            if member == "vocab_size" {
                expectFailure(.badData, "its shape is [37,") { try reader.check(layout) }
            } else {
                #expect(throws: Never.self) { try reader.check(layout) }
            }
        }
    }

    /// A golden model, modified so that no class can represent it.
    struct Misfit: Sendable {
        let name: String
        let message: String
        let change: @Sendable (inout ModelConfiguration) -> Void

        init(_ name: String, _ message: String, change: @escaping @Sendable (inout ModelConfiguration) -> Void) {
            (self.name, self.message, self.change) = (name, message, change)
        }

        static let all = [
            Misfit("gpt2", "model.placement: found post; allowed: pre") { $0.placement = .post },
            Misfit("gpt2", "model.bias: found false; allowed: true") { $0.bias = false },
            Misfit("gpt2", "model.kv_heads: found 1; allowed: 3, the value of model.heads") { $0.kvHeads = 1 },
            Misfit("gpt2", "model.normalization: found rms; allowed: layer") { $0.normalization = .rms },
            Misfit("llama", "model.positions: found alibi; allowed: rotary") { $0.positions = .alibi },
            Misfit("llama", "model.activation: found silu; allowed: swiglu") { $0.activation = .silu },
            Misfit("gpt2", "model.head_width: found 12; allowed: 0") { $0.headDimension = 12 },
            Misfit("gpt2", "model.attention_bias: found none; allowed: same") { $0.attentionBias = .none },
            Misfit("gpt2", "model.parallel_blocks: found true; allowed: false") { $0.parallelBlocks = true },
            Misfit("bert", "model.query_key_normalization: found true; allowed: false") {
                $0.queryKeyNormalization = true
            },
            Misfit("vit", "model.feed_forward_bias: found none; allowed: same") { $0.feedForwardBias = .none },
            Misfit("bert", "model.head: found linear; allowed: transform") { $0.head = .linear },
            Misfit("bert", "model.normalize_embeddings: found false; allowed: true") { $0.normalizeEmbeddings = false },
            Misfit("bert_classes", "model.pooling: found mean; allowed: dense") { $0.pooling = .mean },
            Misfit("marian", "model.positions: found sinusoidal; allowed: sinusoidal_halves") {
                $0.positions = .sinusoidal
            },
            Misfit("marian", "model.normalization_epsilon: found 0.1; allowed: 1e-05") {
                $0.normalizationEpsilon = 0.1
            },
            Misfit("marian", "model.tie_embeddings: found false; allowed: true if") { $0.tieEmbeddings = false },
            Misfit("vit", "model.pooling: found mean; allowed: first") { $0.pooling = .mean },
            Misfit("gpt2", "model.family: found prefix_decoder, for which transformers has no class") {
                $0.family = .prefixDecoder
            },
        ]
    }

    @Test(arguments: Misfit.all)
    func rejectsModelsWithoutClass(misfit: Misfit) throws {
        let read = try ModelReader(try GoldenModel(misfit.name).directory).model
        var configuration = read.configuration
        misfit.change(&configuration)
        let model = PortableModel(configuration, read.sizes, labels: read.labels, special: read.special)
        expectFailure(.usage, misfit.message) { _ = try ModelClass.holding(model) }
    }
}
