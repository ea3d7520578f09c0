import Texts
import Failures
import Files
import Tokenizers

extension ModelWriter {
    /// Writes the tokenizer in all formats that it supports: for `AutoTokenizer`, as a SentencePiece model, and for
    /// `MarianTokenizer`.
    ///
    /// - Parameter chatTemplate: The template of conversations, which becomes part of `tokenizer_config.json`.
    /// - Returns: A phrase for the user that describes whether `AutoTokenizer` yields the same token IDs.
    package func write(_ tokenizer: any Tokenizer, chatTemplate: String? = nil) throws(Failure) -> String {
        if let tokenizer = tokenizer as? SentencePieceTokenizer { try writeModel(tokenizer) }
        if let tokenizer = tokenizer as? PipelineTokenizer { return try write(tokenizer, chatTemplate) }
        guard let files = TokenizerJSON(tokenizer, for: model) else {
            if model.configuration.family.architecture.hasEncoder, tokenizer.description.kind == .sentencepiece {
                try write(
                    [
                        "tokenizer_class": "MarianTokenizer", "separate_vocabs": false,
                        "model_max_length": .integer(model.contextLength),
                    ], to: "tokenizer_config.json")
            }
            return tokenizer.description.kind == .none
                ? "without a tokenizer: the model reads and writes token IDs"
                : "its tokenizer is tokenizer.model, from which AutoTokenizer may give other token IDs: dtrain encodes each line "
                    + "of a text separately"
        }
        try write(files.tokenizer, to: TokenizerFiles.tokenizer)
        try write(TokenizerJSON.adding(chatTemplate, to: files.configuration), to: "tokenizer_config.json")
        return "AutoTokenizer gives the token IDs of dtrain"
            + (files.exceptions.isEmpty ? "" : " (except: \(files.exceptions.joined(separator: "; ")))")
    }

    /// Writes the `tokenizer.json` byte for byte, with the roles of its special tokens.
    private func write(_ tokenizer: PipelineTokenizer, _ chatTemplate: String?) throws(Failure) -> String {
        try FileSystem.replaceContents(of: "\(directory)/\(TokenizerFiles.tokenizer)") {
            (file: borrowing File) throws(Failure) in try file.write(tokenizer.model)
        }
        let configuration = TokenizerJSON.configuration(of: tokenizer, for: model)
        try write(TokenizerJSON.adding(chatTemplate, to: configuration), to: "tokenizer_config.json")
        return "its tokenizer.json is the one that it was imported with or learned"
    }

    /// Writes the SentencePiece model and the files for `MarianTokenizer`.
    private func writeModel(_ tokenizer: SentencePieceTokenizer) throws(Failure) {
        var names = [TokenizerDescription.modelFileName]
        if model.configuration.family.architecture.hasEncoder {
            names += ["source.spm", "target.spm"]
            // `MarianTokenizer` looks up the IDs of pieces by their text.
            let pieces = tokenizer.pieceNames
            try write(
                .object(pieces.indices.map { JSON.Member(pieces[$0], .integer($0)) }), to: TokenizerFiles.vocabulary)
        }
        for name in names {
            try FileSystem.replaceContents(of: "\(directory)/\(name)") { (file: borrowing File) throws(Failure) in
                try file.write(tokenizer.model)
            }
        }
    }
}

extension ModelReader {
    /// The path of the directory's tokenizer in a format that dtrain reads; nil if there is none.
    ///
    /// A SentencePiece model that dtrain trained is applied line by line, which its `tokenizer.json` only imitates; of
    /// others, `tokenizer.json` has the added tokens as well.
    package func tokenizerPath() throws(Failure) -> String? {
        let model = "\(directory)/\(TokenizerDescription.modelFileName)"
        let file = "\(directory)/\(TokenizerFiles.tokenizer)"
        if try FileSystem.isPresent(model) {
            guard try FileSystem.isPresent(file) else { return model }
            let tokenizer = try TokenizerSource.load(model)
            return (tokenizer as? SentencePieceTokenizer)?.learnedPieces == nil ? file : model
        }
        if try FileSystem.isPresent(file) { return file }
        if try FileSystem.isPresent("\(directory)/merges.txt") { return "\(directory)/\(TokenizerFiles.vocabulary)" }
        for name in ["vocab.txt", "spiece.model"] where try FileSystem.isPresent("\(directory)/\(name)") {
            return "\(directory)/\(name)"
        }
        return nil
    }

    /// Returns the byte tokenizer that an export has written next to the model; nil if `tokenizer.json` is missing or
    /// describes another tokenizer.
    ///
    /// - Throws: `inputOutput` if the file cannot be read.
    package func exportedByteTokenizer() throws(Failure) -> ByteTokenizer? {
        let path = "\(directory)/\(TokenizerFiles.tokenizer)"
        guard try FileSystem.isPresent(path) else { return nil }
        let found: JSON
        do throws(Failure) {
            // The file of a byte tokenizer has about 10 kB; others may have megabytes.
            found = try JSON(parsing: try FileSystem.contents(of: path, limitBytes: 1 << 17), source: path)
        } catch {
            guard error.exitCode == .badData else { throw error }
            return nil
        }
        return [ByteTokenizer(withSpecialTokens: true), ByteTokenizer()].first {
            $0.vocabularySize <= model.vocabularySize && TokenizerJSON($0, for: model)?.tokenizer == found
        }
    }

    /// Checks, where the files record it, that `tokenizer` is the one with which the model was trained.
    ///
    /// - Parameter name: The name of the tokenizer for error messages.
    /// - Throws: `badData` if the token IDs differ.
    package func check(_ tokenizer: any Tokenizer, name: String) throws(Failure) {
        guard tokenizer.vocabularySize <= model.vocabularySize else {
            throw Failure(
                .badData,
                "\(name): has \(tokenizer.vocabularySize) tokens, but the model in \(directory) has \(model.vocabularySize)."
            )
        }
        let vocabulary = "\(directory)/\(TokenizerFiles.vocabulary)"
        if let tokenizer = tokenizer as? SentencePieceTokenizer, try FileSystem.isPresent(vocabulary) {
            let bytes = try TextReader.contents(of: vocabulary)
            let numbers = try JSON(parsing: bytes, source: vocabulary).objectValue ?? []
            let known = Dictionary(uniqueKeysWithValues: numbers.map { ($0.name.exact, $0.value.integerValue) })
            for (number, piece) in tokenizer.pieceNames.enumerated() {
                guard let theirs = known[piece.exact], theirs != number else { continue }
                let found = theirs.map { "the ID \($0)" } ?? "no integer"
                throw Failure(
                    .badData,
                    "\(name): its piece \(piece) has ID \(number), but \(vocabulary) has \(found) for it: the model "
                        + "was trained with another tokenizer. Omit --tokenizer; the model then reads and writes token IDs."
                )
            }
        }
        guard model.configuration.family.architecture.hasEncoder else { return }
        let special = tokenizer.specialTokens
        for (member, theirs, ours) in [
            ("decoder_start_token_id", model.special.bos, special.bos),
            ("eos_token_id", model.special.eos, special.eos),
        ] where theirs != ours {
            func number(_ token: Int32?) -> String { token.map(String.init) ?? "none" }
            throw Failure(
                .badData,
                "\(directory)/config.json: \(member): found \(number(theirs)); \(name) has \(number(ours)). "
                    + "Omit --tokenizer; the model then reads and writes token IDs.")
        }
    }
}

/// The names of tokenizer files.
private enum TokenizerFiles {
    /// A JSON object with the ID of each piece by its text.
    static let vocabulary = "vocab.json"
    /// The tokenizer as the library `tokenizers` reads it.
    static let tokenizer = "tokenizer.json"
}
