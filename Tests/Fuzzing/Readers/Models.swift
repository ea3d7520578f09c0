import Exchange
import Failures
import Files

@testable import Checkpoints
@testable import Interchange
@testable import Inference

extension FuzzedReader {
    /// `config.json` of a transformers model, in a directory with a file without tensors.
    static let modelConfiguration = FuzzedReader(name: "model-configuration", refusals: [.badData]) {
        ModelClass.all.map { kind in
            var members: [JSON.Member] = [
                .init("model_type", .string(kind.modelType)), .init("architectures", [.string(kind.name)]),
                .init("vocab_size", 300),
            ]
            // The small sizes, under the names that any class uses.
            for (name, value) in [
                ("n_embd", 24), ("hidden_size", 24), ("d_model", 24), ("n_head", 3), ("num_attention_heads", 3),
                ("encoder_attention_heads", 3), ("decoder_attention_heads", 3), ("num_hidden_layers", 2),
                ("n_layer", 2), ("encoder_layers", 2), ("decoder_layers", 1), ("intermediate_size", 32),
                ("encoder_ffn_dim", 32), ("decoder_ffn_dim", 32), ("max_position_embeddings", 16), ("image_size", 32),
                ("dim", 24), ("n_heads", 3), ("n_layers", 2), ("hidden_dim", 32), ("num_key_value_heads", 3),
                ("head_dim", 8),
            ] { members.append(.init(name, .integer(value))) }
            members += [
                .init("do_sample", true), .init("temperature", 0.5), .init("num_beams", 2), .init("max_length", 20),
                .init("bad_words_ids", [[1], [2, 3]]),
            ]
            members.append(.init("id2label", ["0": "no", "1": "yes"]))
            members.append(.init("rope_parameters", ["rope_type": "default", "rope_theta": 1e4]))
            return Array(JSON.object(members).page.utf8)
        }
    } open: { directory in
        _ = try SafetensorsWriter.write([], to: directory.file("model.safetensors"))
        return { bytes in
            _ = try directory.file("config.json", holding: bytes)
            _ = try ModelImport(from: directory.path, tokenizer: nil)
            // A layout can be built for every accepted configuration.
            let reader = try ModelReader(directory.path)
            let layout = reader.model.makeLayout()
            try Defect.unless(!layout.parameters.isEmpty && layout.count > 0, "a model without parameters")
            do {
                try reader.check(layout)
                throw Defect("tensors that are not there")
            } catch let failure as Failure {
                guard failure.exitCode == .badData else { throw failure }
            }
        }
    }

    /// The index of a model with several tensor files.
    static let modelIndex = FuzzedReader(name: "model-index", refusals: [.badData]) {
        ["{\"metadata\": {}, \"weight_map\": {\"a\": \"part.safetensors\", \"b\": \"part.safetensors\"}}"]
            .map { Array($0.utf8) }
    } open: { directory in
        _ = try SafetensorsWriter.write([], to: directory.file("part.safetensors"))
        return { bytes in
            _ = try directory.file("model.safetensors.index.json", holding: bytes)
            let files = try WeightFiles(directory.path)
            try Defect.unless(files.names.isEmpty, "tensors that are not there")
        }
    }
}
