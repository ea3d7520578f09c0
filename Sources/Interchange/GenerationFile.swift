import Failures
import Files
import Texts

/// The settings of generation that are stored beside a model.
enum GenerationFile {
    static let name = "generation_config.json"

    /// The members of `config.json` with which transformers generates if there is no file of their own.
    private static let olderMembers = [
        "forced_bos_token_id", "suppress_tokens", "begin_suppress_tokens", "bad_words_ids", "no_repeat_ngram_size",
        "encoder_no_repeat_ngram_size", "repetition_penalty", "length_penalty", "min_length", "max_length",
        "num_beams", "num_beam_groups", "diversity_penalty", "early_stopping", "do_sample", "temperature", "top_k",
        "top_p", "typical_p", "remove_invalid_values", "exponential_decay_length_penalty",
    ]
    /// Members that say where the file comes from.
    private static let notes = ["_from_model_config", "transformers_version", "_commit_hash"]

    /// Reads the members that dtrain does not write by itself.
    ///
    /// Single IDs of special tokens are those of `config.json`, which dtrain writes; several end tokens are kept.
    ///
    /// - Throws: `badData` if the file is malformed.
    static func members(_ directory: String, _ configuration: ConfigurationFile) throws(Failure) -> [JSON.Member] {
        let path = "\(directory)/\(name)"
        guard try FileSystem.isPresent(path) else {
            return olderMembers.compactMap { name in configuration[name].map { JSON.Member(name, $0) } }
        }
        let bytes = try FileSystem.contents(of: path, limitBytes: 1 << 20)
        guard let members = try JSON(parsing: bytes, source: path).objectValue else {
            throw Failure(.badData, "\(path): is not a JSON object.")
        }
        return members.filter { member in
            if notes.containsExactly(member.name) || member.value == .null { return false }
            let isOwn = ["bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"]
            return !isOwn.containsExactly(member.name) || (member.value.arrayValue?.count ?? 0) > 1
        }
    }

    /// The contents of the file: the special tokens of the model, and what it was imported with.
    static func merged(_ tokens: [JSON.Member], _ others: [JSON.Member]) -> JSON {
        guard !others.isEmpty else { return .object([JSON.Member("_from_model_config", true)] + tokens) }
        let names = others.map(\.name)
        return .object(tokens.filter { !names.containsExactly($0.name) } + others)
    }
}
