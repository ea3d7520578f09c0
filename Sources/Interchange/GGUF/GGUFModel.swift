import Failures
import Files
import Models
import Tensors
import Texts

/// A decoder in the terms of llama.cpp: an architecture's metadata and tensors.
package struct GGUFModel {
    /// The name of the file that is written into a directory.
    package static let fileName = "model.gguf"

    private let model: PortableModel
    private let architecture: Architecture

    /// The architectures of llama.cpp that dtrain's decoders can have.
    private enum Architecture: String {
        case gpt2
        case llama
        case qwen2
        case qwen3

        /// The classes of transformers with the same mathematics.
        static let classes: [(name: String, architecture: Architecture)] = [
            ("GPT2LMHeadModel", .gpt2), ("LlamaForCausalLM", .llama), ("Qwen2ForCausalLM", .qwen2),
            ("Qwen3ForCausalLM", .qwen3),
        ]
    }

    /// Describes a model.
    ///
    /// - Throws: `usage` if no architecture can represent it.
    package init(_ model: PortableModel) throws(Failure) {
        let modelClass = try ModelClass.holding(model)
        guard let found = Architecture.classes.first(where: { $0.name == modelClass.name }) else {
            throw Failure(
                .usage,
                "export: --format gguf: found a model of the class \(modelClass.name); allowed: "
                    + Architecture.classes.map(\.name).joined(separator: ", ") + ". Use --format huggingface.")
        }
        let activation: ModelConfiguration.Activation = found.architecture == .gpt2 ? .gelu : .swiglu
        guard model.configuration.activation == activation else {
            throw Failure(
                .usage,
                "export: --format gguf: model.activation: found \(model.configuration.activation.rawValue); allowed: "
                    + "\(activation.rawValue).")
        }
        guard [.none, .linear, .llama3].contains(model.configuration.rotaryScaling) else {
            throw Failure(
                .usage,
                "export: --format gguf: model.rotary_scaling: found \(model.configuration.rotaryScaling.rawValue); "
                    + "allowed: none, linear, llama3.")
        }
        (self.model, architecture) = (model, found.architecture)
    }

    /// The name of the architecture.
    package var name: String { architecture.rawValue }

    /// Writes `directory`/model.gguf.
    ///
    /// - Parameters:
    ///   - layout: The model's parameters.
    ///   - weights: The weight arena of `layout`.
    ///   - type: The type of matrices; vectors and tables of positions are Float32.
    ///   - vocabulary: The metadata of the tokenizer.
    /// - Throws: `usage` if a value exceeds the range of the type, `inputOutput` if writing fails.
    package func write(
        _ layout: ParameterLayout, _ weights: Arena<Float>, as type: ExportType, _ vocabulary: GGUFVocabulary,
        to directory: String
    ) throws(Failure) {
        var tensors: [GGUFTensor] = []
        let parameters = Dictionary(uniqueKeysWithValues: layout.parameters.map { ($0.name.exact, $0) })
        for (name, ours, order) in entries {
            guard let parameter = parameters[ours.exact] else {
                preconditionFailure("\(ours) is not a parameter of the model")
            }
            let width = parameter.shape.count == 1 ? 1 : parameter.shape[1]
            let base = UnsafePointer(weights.base + parameter.offset)
            let isVector = parameter.shape.count == 1
            let count = order?.count ?? parameter.shape[0]
            if isVector {
                // A vector is one row, whose elements have the order of a matrix's rows.
                let elements = Arena<Float>(count: count)
                for index in 0..<count { elements.base[index] = base[order?[index] ?? index] }
                tensors.append(
                    GGUFTensor(name: name, shape: [count], type: .float32) { _ in UnsafePointer(elements.base) })
            } else {
                tensors.append(
                    GGUFTensor(
                        name: name, shape: [count, width],
                        type: name == "position_embd.weight" ? .float32 : type.stored(width: width)
                    ) { base + (order?[$0] ?? $0) * width })
            }
        }
        if let factors = frequencyFactors {
            let arena = Arena<Float>(count: factors.count)
            for (index, factor) in factors.enumerated() { arena.base[index] = factor }
            tensors.append(
                GGUFTensor(name: "rope_freqs.weight", shape: [factors.count], type: .float32) { _ in
                    UnsafePointer(arena.base)
                })
        }
        try GGUFFile.write(
            metadata(type) + vocabulary.metadata, tensors, to: "\(directory)/\(GGUFModel.fileName)")
        withExtendedLifetime(weights) {}
    }

    // MARK: Metadata

    private func metadata(_ type: ExportType) -> [(key: String, value: GGUFFile.Value)] {
        let (configuration, name) = (model.configuration, architecture.rawValue)
        var metadata: [(key: String, value: GGUFFile.Value)] = [
            ("general.architecture", .text(name)), ("general.type", .text("model")),
            ("general.name", .text("dtrain \(name)")),
            ("general.file_type", .integer(type.fileType)), ("general.quantization_version", .integer(2)),
            ("\(name).vocab_size", .integer(model.vocabularySize)),
            ("\(name).context_length", .integer(model.contextLength)),
            ("\(name).embedding_length", .integer(configuration.width)),
            ("\(name).block_count", .integer(configuration.layers)),
            ("\(name).feed_forward_length", .integer(configuration.hiddenWidth)),
            ("\(name).attention.head_count", .integer(configuration.heads)),
        ]
        if architecture == .gpt2 {
            return metadata + [("\(name).attention.layer_norm_epsilon", .real(configuration.normalizationEpsilon))]
        }
        metadata += [
            ("\(name).attention.head_count_kv", .integer(configuration.keyHeads)),
            ("\(name).attention.key_length", .integer(configuration.headWidth)),
            ("\(name).attention.value_length", .integer(configuration.headWidth)),
            ("\(name).attention.layer_norm_rms_epsilon", .real(configuration.normalizationEpsilon)),
            ("\(name).rope.dimension_count", .integer(configuration.headWidth)),
            ("\(name).rope.freq_base", .real(configuration.rotaryBase)),
        ]
        if configuration.rotaryScaling == .linear {
            metadata += [
                ("\(name).rope.scaling.type", .text("linear")),
                ("\(name).rope.scaling.factor", .real(configuration.rotaryFactor)),
            ]
        }
        return metadata
    }

    /// The divisors of the rotary frequencies; nil if they are all equal.
    private var frequencyFactors: [Float]? {
        guard model.configuration.rotaryScaling == .llama3 else { return nil }
        var plain = model.configuration
        plain.rotaryScaling = .none
        func frequencies(_ configuration: ModelConfiguration) -> [Double] {
            configuration.rotaryAngles(positions: 1, configuration.headWidth).frequencies(length: 1)
        }
        return zip(frequencies(plain), frequencies(model.configuration)).map { Float($0 / $1) }
    }

    // MARK: Tensors

    /// A tensor's name, dtrain's parameter, and which of its rows the tensor has, in order; nil: all.
    private typealias Entry = (name: String, ours: String, rows: [Int]?)

    private var entries: [Entry] {
        let configuration = model.configuration
        var entries: [Entry] = [("token_embd.weight", "token_embedding.weight", nil)]
        if architecture == .gpt2 { entries.append(("position_embd.weight", "position_embedding.weight", nil)) }
        for index in 0..<configuration.layers { entries += block("blk.\(index)", "blocks.\(index)") }
        entries += normalization("output_norm", "final_normalization")
        if !configuration.tieEmbeddings { entries.append(("output.weight", "head.weight", nil)) }
        return entries
    }

    private func block(_ theirs: String, _ ours: String) -> [Entry] {
        let (configuration, biases) = (model.configuration, model.configuration.attentionBiases)
        let (sizes, packed) = (configuration.blockSizes, "\(ours).attention.query_key_value")
        let hasBias = configuration.feedForwardHasBias
        let norms =
            normalization("\(theirs).attn_norm", "\(ours).attention_normalization")
            + normalization("\(theirs).ffn_norm", "\(ours).feed_forward_normalization")
        let outputs =
            linear("\(theirs).attn_output", "\(ours).attention.projection", bias: biases.output)
            + linear("\(theirs).ffn_down", "\(ours).feed_forward.projection", bias: hasBias)
        if architecture == .gpt2 {
            return norms + linear("\(theirs).attn_qkv", packed, bias: biases.inputs)
                + linear("\(theirs).ffn_up", "\(ours).feed_forward.expansion", bias: hasBias) + outputs
        }
        let (queries, keys) = (sizes.heads * sizes.headWidth, sizes.keyHeads * sizes.headWidth)
        let hidden = sizes.hiddenWidth
        let expansion = "\(ours).feed_forward.expansion"
        var entries =
            norms + linear("\(theirs).attn_q", packed, rows: rotated(0..<queries), bias: biases.inputs)
            + linear("\(theirs).attn_k", packed, rows: rotated(queries..<queries + keys), bias: biases.inputs)
            + linear(
                "\(theirs).attn_v", packed, rows: Array(queries + keys..<queries + 2 * keys), bias: biases.inputs)
            + linear("\(theirs).ffn_gate", expansion, rows: Array(0..<hidden), bias: hasBias)
            + linear("\(theirs).ffn_up", expansion, rows: Array(hidden..<2 * hidden), bias: hasBias) + outputs
        if configuration.queryKeyNormalization {
            entries += normalization("\(theirs).attn_q_norm", "\(ours).attention.query_normalization")
            entries += normalization("\(theirs).attn_k_norm", "\(ours).attention.key_normalization")
        }
        return entries
    }

    /// The rows of heads. llama.cpp pairs adjacent rows of a Llama's head for the rotation, and those half a head apart
    /// in the other architectures, like dtrain.
    private func rotated(_ rows: Range<Int>) -> [Int] {
        let width = model.configuration.headWidth
        guard architecture == .llama else { return Array(rows) }
        return rows.map { row in
            let (head, place) = ((row - rows.lowerBound) / width, (row - rows.lowerBound) % width)
            return rows.lowerBound + head * width + place % 2 * (width / 2) + place / 2
        }
    }

    private func linear(_ theirs: String, _ ours: String, rows: [Int]? = nil, bias: Bool) -> [Entry] {
        [("\(theirs).weight", "\(ours).weight", rows)] + (bias ? [("\(theirs).bias", "\(ours).bias", rows)] : [])
    }

    private func normalization(_ theirs: String, _ ours: String) -> [Entry] {
        [("\(theirs).weight", "\(ours).scale", nil)]
            + (architecture == .gpt2 ? [("\(theirs).bias", "\(ours).shift", nil)] : [])
    }
}
