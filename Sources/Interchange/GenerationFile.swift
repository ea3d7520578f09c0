import Failures
import Files
import Texts

/// The settings of generation that are stored beside a model.
enum GenerationFile {
    static let name = "generation_config.json"

    /// The file of a directory with these settings: that of generation or, in older models, `config.json`.
    static func path(_ directory: String) throws(Failure) -> String {
        let path = "\(directory)/\(name)"
        return try FileSystem.isPresent(path) ? path : "\(directory)/config.json"
    }

    /// The members of `config.json` with which transformers generates if there is no file of their own.
    private static let olderMembers = [
        "forced_bos_token_id", "suppress_tokens", "begin_suppress_tokens", "bad_words_ids", "no_repeat_ngram_size",
        "encoder_no_repeat_ngram_size", "repetition_penalty", "length_penalty", "min_length", "max_length",
        "num_beams", "num_beam_groups", "diversity_penalty", "early_stopping", "do_sample", "temperature", "top_k",
        "top_p", "typical_p", "remove_invalid_values", "exponential_decay_length_penalty",
    ]
    private static let endTokens = "eos_token_id"
    /// Members that say where the file comes from.
    private static let notes = ["_from_model_config", "transformers_version", "_commit_hash"]

    /// Reads the members that dtrain does not write by itself.
    ///
    /// IDs of special tokens are those of `config.json`, which dtrain writes; several or other end tokens are kept.
    ///
    /// - Throws: `badData` if the file is malformed.
    static func members(_ directory: String, _ configuration: ConfigurationFile) throws(Failure) -> [JSON.Member] {
        let path = "\(directory)/\(name)"
        let end = configuration[endTokens]
        guard try FileSystem.isPresent(path) else {
            let ends = (end?.arrayValue?.count ?? 0) > 1 ? [endTokens] : []
            return (olderMembers + ends).compactMap { name in configuration[name].map { JSON.Member(name, $0) } }
        }
        let bytes = try FileSystem.contents(of: path, limitBytes: 1 << 20)
        guard let members = try JSON(parsing: bytes, source: path).objectValue else {
            throw Failure(.badData, "\(path): is not a JSON object.")
        }
        return members.filter { member in
            if notes.containsExactly(member.name) || member.value == .null { return false }
            if member.name.exact == endTokens.exact {
                return (member.value.arrayValue?.count ?? 0) > 1 || member.value != end
            }
            return !["bos_token_id", "pad_token_id", "decoder_start_token_id"].containsExactly(member.name)
        }
    }

    /// The contents of the file: the special tokens of the model, and what it was imported with.
    static func merged(_ tokens: [JSON.Member], _ others: [JSON.Member]) -> JSON {
        guard !others.isEmpty else { return .object([JSON.Member("_from_model_config", true)] + tokens) }
        let names = others.map(\.name)
        return .object(tokens.filter { !names.containsExactly($0.name) } + others)
    }
}
