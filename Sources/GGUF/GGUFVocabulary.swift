import Interchange
import Texts
import TokenizerPipelines
import Tokenizers

/// The tokenizer of a model as metadata of a GGUF file, as llama.cpp's own converter describes it.
///
/// - Source: llama.cpp, conversion/base.py and src/llama-vocab.cpp (release of 2026).
package struct GGUFVocabulary {
    let metadata: [(key: String, value: GGUFFile.Value)]
    /// Why programs have no tokenizer for the model; nil if they have one.
    package private(set) var obstacle: String?
    /// Texts that get other token IDs there than in dtrain; empty if there are none.
    package private(set) var exceptions: [String] = []

    /// Describes a tokenizer for a model of `vocabularySize` tokens. If llama.cpp has none of its kind, only the
    /// special tokens are recorded.
    package init(_ tokenizer: any Tokenizer, for model: PortableModel) {
        let description: GGUFTokens
        switch tokenizer {
        case let tokenizer as SentencePieceTokenizer: description = GGUFTokens(tokenizer)
        case let tokenizer as PipelineTokenizer: description = GGUFTokens(tokenizer)
        default:
            if let pipeline = TokenizerJSON.pipeline(of: tokenizer, for: model) {
                description = GGUFTokens(pipeline)
            } else {
                description = GGUFTokens(obstacle: "the model reads and writes token IDs")
            }
        }
        var tokens = description
        for number in tokens.texts.count..<max(tokens.texts.count, model.vocabularySize) {
            tokens.append("[PAD\(number)]", .unused, score: -10_000)
        }
        if tokens.obstacle == nil, let repeated = tokens.texts.firstRepeated() {
            tokens.obstacle = "several of its tokens are called \(repeated) there"
        }
        obstacle = tokens.obstacle
        let special = GGUFVocabulary.special(tokenizer.specialTokens, tokens)
        guard tokens.obstacle == nil else {
            metadata = [("tokenizer.ggml.model", .text("none"))] + special
            return
        }
        exceptions = tokens.exceptions
        metadata = tokens.metadata + special
    }

    /// A phrase for the user that describes whether programs get the same token IDs.
    package var remark: String {
        if let obstacle { return "without a tokenizer: \(obstacle)" }
        return "with its tokenizer"
            + (exceptions.isEmpty
                ? "" : " (llama.cpp may give other token IDs for \(exceptions.joined(separator: "; ")))")
    }

    private static func special(
        _ special: SpecialTokens, _ tokens: GGUFTokens
    ) -> [(key: String, value: GGUFFile.Value)] {
        var (bos, eos) = (special.bos, special.eos)
        if tokens.kind == .wordPieces { (bos, eos) = (bos ?? special.cls, eos ?? special.sep) }
        // llama.cpp takes token 11 for the end of a byte-level text if no other is named.
        if tokens.kind == .byteLevel { eos = eos ?? bos ?? special.pad ?? tokens.firstUnspoken }
        return [
            ("bos", bos), ("eos", eos), ("unknown", special.unknown), ("seperator", special.sep),
            ("padding", special.pad), ("cls", special.cls), ("mask", special.mask),
        ].compactMap { name, token in token.map { ("tokenizer.ggml.\(name)_token_id", .integer(Int($0))) } }
    }
}

/// The tokens of a GGUF file, and how a text is split into them.
struct GGUFTokens {
    /// The ways of llama.cpp from a text to tokens.
    enum Kind: String {
        /// Byte-level byte-pair encoding.
        case byteLevel = "gpt2"
        /// Byte-pair encoding of SentencePiece, by scores.
        case scoredPairs = "llama"
        case wordPieces = "bert"
        case unigram = "t5"
    }

    /// The types of tokens.
    enum TokenType: Int {
        case normal = 1, unknown, control, userDefined, unused, byte
    }

    var kind = Kind.byteLevel
    /// The name of the rules that split a text before it is encoded.
    var splitting = "default"
    private(set) var texts: [String] = []
    private(set) var types: [TokenType] = []
    private(set) var scores: [Float] = []
    /// The merges of byte-level tokenizers, each as two tokens with a space between them.
    var merges: [String] = []
    /// Settings by the last part of their key.
    var flags: [(name: String, value: Bool)] = []
    var characterMap: [UInt8] = []
    /// Why llama.cpp has no tokenizer of this kind; nil if it has.
    var obstacle: String?
    /// Texts that get other tokens there.
    var exceptions: [String] = []

    init(obstacle: String? = nil) { self.obstacle = obstacle }

    mutating func append(_ text: String, _ type: TokenType, score: Float = 0) {
        texts.append(text)
        types.append(type)
        scores.append(score)
    }

    /// The first token that no text contains; nil if there is none.
    var firstUnspoken: Int32? { types.firstIndex { $0 == .control || $0 == .unused }.map(Int32.init) }

    /// The metadata, without the numbers of special tokens.
    var metadata: [(key: String, value: GGUFFile.Value)] {
        var metadata: [(key: String, value: GGUFFile.Value)] = [
            ("model", .text(kind.rawValue)), ("pre", .text(splitting)), ("tokens", .texts(texts)),
        ]
        if kind == .scoredPairs || kind == .unigram { metadata.append(("scores", .reals(scores))) }
        metadata.append(("token_type", .integers(types.map(\.rawValue))))
        if kind == .byteLevel { metadata.append(("merges", .texts(merges))) }
        metadata += flags.map { ($0.name, .flag($0.value)) }
        if !characterMap.isEmpty { metadata.append(("precompiled_charsmap", .bytes(characterMap))) }
        return metadata.map { ("tokenizer.ggml.\($0.key)", $0.value) }
    }
}
