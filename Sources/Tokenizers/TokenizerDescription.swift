import Failures
import Files

/// The description of a tokenizer in a manifest; together with the bytes of its model, it suffices to recreate the
/// tokenizer.
package struct TokenizerDescription: Codable, Equatable, Sendable {
    /// The kinds of tokenizers.
    package enum Kind: String, Codable, CaseIterable, Sendable {
        /// One token per byte.
        case byte
        /// A SentencePiece model, BPE or unigram.
        case sentencepiece
        /// A `tokenizer.json` of the library `tokenizers`.
        case pipeline = "tokenizer_json"
        /// Unknown: the shards have no manifest, and text is represented by token IDs.
        case none
    }

    /// The name of a SentencePiece model in datasets and checkpoints.
    package static let modelFileName = "tokenizer.model"
    /// The name of a `tokenizer.json` in datasets and checkpoints.
    package static let pipelineFileName = "tokenizer.json"
    /// The maximum size of a model in bytes; nothing plausible is larger.
    package static let modelBytesLimit = 64 << 20

    /// The kind of tokenizer.
    package var kind: Kind
    /// The XXH3-128 of the model, 32 hexadecimal digits; nil without a model.
    package var modelDigest: String?
    /// The special tokens.
    package var specialTokens: SpecialTokens

    /// A description of a tokenizer.
    package init(kind: Kind, modelDigest: String? = nil, specialTokens: SpecialTokens = .none) {
        self.kind = kind
        self.modelDigest = modelDigest
        self.specialTokens = specialTokens
    }

    enum CodingKeys: String, CodingKey {
        case kind
        case modelDigest = "model_xxh3_128"
        case specialTokens = "special_tokens"
    }

    /// Decodes a description; special tokens may be absent.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        kind = try values.decode(Kind.self, forKey: .kind)
        modelDigest = try values.decodeIfPresent(String.self, forKey: .modelDigest)
        specialTokens = try values.decodeIfPresent(SpecialTokens.self, forKey: .specialTokens) ?? .none
    }

    /// Encodes the description; absent fields are omitted.
    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(kind, forKey: .kind)
        try values.encodeIfPresent(modelDigest, forKey: .modelDigest)
        if specialTokens != .none { try values.encode(specialTokens, forKey: .specialTokens) }
    }

    /// The limit of a SentencePiece model's tokens: if a special token is missing, none was added.
    fileprivate var sentencePieceLimit: Int {
        var completed = specialTokens
        return completed.addMissing(from: 0) == 0 ? .max : 0
    }

    /// The name of the tokenizer's file in datasets and checkpoints; nil if it has none.
    package var fileName: String? {
        switch kind {
        case .sentencepiece: TokenizerDescription.modelFileName
        case .pipeline: TokenizerDescription.pipelineFileName
        case .byte, .none: nil
        }
    }

    /// Adds the identity of the tokenizer to `digest`; for bytes without special tokens, only the kind.
    package func update(_ digest: inout Digest) {
        digest.update(kind.rawValue)
        if let modelDigest { digest.update(modelDigest) }
        guard specialTokens != .none else { return }
        for (_, token) in SpecialTokens.names { digest.update(specialTokens[keyPath: token].map(Int.init) ?? -1) }
    }
}

/// Creates the tokenizer of `description`, for a dataset of `vocabularySize` tokens.
///
/// - Parameters:
///   - allowsPadding: Whether the vocabulary may be larger than the tokenizer's, as a model's may be.
///   - model: The bytes of the tokenizer's model; empty if it has none.
///   - source: The origin of the description, for error messages.
/// - Throws: `badData` if the model does not match the description, or the tokenizer has another vocabulary size.
package func makeTokenizer(
    _ description: TokenizerDescription, vocabularySize: Int, allowsPadding: Bool = false, model: [UInt8] = [],
    source: String = "The dataset"
) throws(Failure) -> any Tokenizer {
    let tokenizer: any Tokenizer =
        switch description.kind {
        case .byte: ByteTokenizer(withSpecialTokens: description.specialTokens != .none)
        case .sentencepiece:
            try SentencePieceTokenizer(model: model, source: source, limit: description.sentencePieceLimit)
        case .pipeline: try PipelineTokenizer(model: model, source: source, special: description.specialTokens)
        case .none:
            NumberTokenizer(vocabularySize: vocabularySize, specialTokens: description.specialTokens)
        }
    guard tokenizer.vocabularySize == vocabularySize || (allowsPadding && tokenizer.vocabularySize < vocabularySize)
    else {
        throw Failure(
            .badData,
            "\(source) has \(vocabularySize) tokens, but its \(description.kind.rawValue) tokenizer has "
                + "\(tokenizer.vocabularySize). Prepare the dataset again.")
    }
    guard description.specialTokens.all.allSatisfy({ 0 <= $0 && Int($0) < vocabularySize }) else {
        throw Failure(
            .badData,
            "\(source): has the special tokens \(description.specialTokens.all); each must be below \(vocabularySize), the "
                + "vocabulary size. Prepare the dataset again.")
    }
    guard tokenizer.description == description else {
        throw Failure(
            .badData,
            "\(source): the hash or the special tokens of its tokenizer differ from the recorded ones. "
                + "Prepare the dataset again.")
    }
    return tokenizer
}
