import Failures
import Files

/// What a manifest says of a tokenizer: all that is needed to make it again, but for the bytes of its model.
package struct TokenizerDescription: Codable, Equatable, Sendable {
    /// The tokenizers that there are.
    package enum Kind: String, Codable, CaseIterable, Sendable {
        /// One token a byte.
        case byte
        /// A model of SentencePiece, BPE or unigram.
        case sentencepiece
        /// Unknown: the shards came without a manifest, and their tokens are numbers.
        case none
    }

    /// The name of the model's file, in a dataset and in a checkpoint. SentencePiece itself reads it.
    package static let modelFileName = "tokenizer.model"
    /// No model that makes sense is larger.
    package static let modelBytesLimit = 64 << 20

    /// Which tokenizer it is.
    package var kind: Kind
    /// The XXH3-128 of its model, 32 hexadecimal digits; nil where it has none.
    package var modelDigest: String?
    /// The special tokens.
    package var specialTokens: SpecialTokens

    /// The description of a tokenizer.
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

    /// Reads a description; special tokens may be missing.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        kind = try values.decode(Kind.self, forKey: .kind)
        modelDigest = try values.decodeIfPresent(String.self, forKey: .modelDigest)
        specialTokens = try values.decodeIfPresent(SpecialTokens.self, forKey: .specialTokens) ?? .none
    }

    /// Writes what there is: plain bytes have nothing but their kind.
    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(kind, forKey: .kind)
        try values.encodeIfPresent(modelDigest, forKey: .modelDigest)
        if specialTokens != .none { try values.encode(specialTokens, forKey: .specialTokens) }
    }

    /// Adds all that tells this tokenizer from another to `digest`. For bytes alone that is the kind.
    func update(_ digest: inout Digest) {
        digest.update(kind.rawValue)
        if let modelDigest { digest.update(modelDigest) }
        guard specialTokens != .none else { return }
        for (_, token) in SpecialTokens.names { digest.update(specialTokens[keyPath: token].map(Int.init) ?? -1) }
    }
}

/// Makes the tokenizer that `description` describes, for a dataset of `vocabularySize` tokens.
///
/// - Parameters:
///   - allowsPadding: Whether the vocabulary may be larger than the tokenizer's, as a model's may be.
///   - model: The bytes of its model, empty where it has none.
///   - source: Where they come from, for messages.
/// - Throws: `badData` where the model is not the one described, or the tokenizer has another vocabulary.
package func makeTokenizer(
    _ description: TokenizerDescription, vocabularySize: Int, allowsPadding: Bool = false, model: [UInt8] = [],
    source: String = "The dataset"
) throws(Failure) -> any Tokenizer {
    let tokenizer: any Tokenizer =
        switch description.kind {
        case .byte: ByteTokenizer(withSpecialTokens: description.specialTokens != .none)
        case .sentencepiece: try SentencePieceTokenizer(model: model, source: source)
        case .none:
            NumberTokenizer(vocabularySize: vocabularySize, specialTokens: description.specialTokens)
        }
    guard tokenizer.vocabularySize == vocabularySize || (allowsPadding && tokenizer.vocabularySize < vocabularySize)
    else {
        throw Failure(
            .badData,
            "\(source) has \(vocabularySize) tokens, its \(description.kind.rawValue) tokenizer has "
                + "\(tokenizer.vocabularySize). Prepare the dataset again.")
    }
    guard description.specialTokens.all.allSatisfy({ 0 <= $0 && Int($0) < vocabularySize }) else {
        throw Failure(
            .badData,
            "\(source): has the special tokens \(description.specialTokens.all); each must be below \(vocabularySize), the "
                + "number of its tokens. Prepare the dataset again.")
    }
    guard tokenizer.description == description else {
        throw Failure(
            .badData,
            "\(source): its tokenizer has another hash or other special tokens than recorded. "
                + "Prepare the dataset again.")
    }
    return tokenizer
}
