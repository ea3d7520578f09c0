import Failures
import Files
import Texts
import TokenizerPipelines

/// A tokenizer of another program, described by a `tokenizer.json`: see `TokenizerPipeline`.
///
/// Text is encoded as a whole. A long text is cut where that does not change its tokens.
package struct PipelineTokenizer: Tokenizer {
    /// The contents of the `tokenizer.json`, byte for byte.
    package let model: [UInt8]
    package let description: TokenizerDescription
    package let pipeline: TokenizerPipeline

    /// Reads a `tokenizer.json`.
    ///
    /// - Parameters:
    ///   - source: The path of the file, for messages.
    ///   - special: The special tokens that are known from elsewhere; the others are found by their usual names.
    /// - Throws: `badData` for what is unknown, missing or contradictory in the file.
    package init(model: [UInt8], source: String, special: SpecialTokens = .none) throws(Failure) {
        let pipeline = try TokenizerFile(parsing: model, source: source).pipeline()
        guard model.first == UInt8(ascii: "{") else {
            throw Failure(.badData, "\(source): begins with white space; needed: the opening brace.")
        }
        self.init(
            model, pipeline, Digest.of(model), PipelineTokenizer.specialTokens(of: pipeline).replaced(by: special))
    }

    private init(_ model: [UInt8], _ pipeline: TokenizerPipeline, _ digest: String, _ special: SpecialTokens) {
        (self.model, self.pipeline) = (model, pipeline)
        description = TokenizerDescription(kind: .pipeline, modelDigest: digest, specialTokens: special)
    }

    /// The tokenizer with special tokens that are known from elsewhere, the last ones first.
    func with(_ special: SpecialTokens...) -> PipelineTokenizer {
        let special = special.reduce(description.specialTokens) { $0.replaced(by: $1) }
        return PipelineTokenizer(model, pipeline, description.modelDigest ?? "", special)
    }

    package var vocabularySize: Int { pipeline.tokenCount }

    package func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, after previous: UInt8?, appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int {
        let text = bytes.bindMemory(to: UInt8.self)
        let end = isLast ? text.count : pipeline.cut(text) ?? 0
        pipeline.encode(UnsafeBufferPointer(rebasing: text[..<end]), continues: previous != nil, into: &tokens)
        return end
    }

    package func prefixCount(of bytes: UnsafeRawBufferPointer, after previous: UInt8?) -> Int {
        pipeline.cut(bytes.bindMemory(to: UInt8.self)) ?? 0
    }

    package func decode(_ token: Int32, after state: inout DecodingState, appendingTo bytes: inout [UInt8]) {
        guard token >= 0, Int(token) < vocabularySize else {
            bytes += replacementCharacter
            state.startsLine = false
            return
        }
        if pipeline.isSpecial(token) { return }
        pipeline.decode(token, isFirst: state.startsLine, into: &bytes)
        state.startsLine = false
    }

    package func encode(_ text: [UInt8], withSpecial: Bool) throws(Failure) -> [Int32] {
        text.withUnsafeBufferPointer { text in
            (withSpecial ? pipeline.frame : [nil]).reduce(into: []) { tokens, token in
                if let token {
                    tokens.append(token)
                } else {
                    pipeline.encode(text, findsSpecial: withSpecial, into: &tokens)
                }
            }
        }
    }

    package func markedParts(_ text: [UInt8]) -> [MarkedPart] {
        text.withUnsafeBufferPointer { text in
            var (tokens, parts): ([Int32], [(range: Range<Int>, isName: Bool, end: Int)]) = ([], [])
            pipeline.encode(text, findsSpecial: true, into: &tokens) { parts.append(($0, $1, $2)) }
            var start = 0
            return parts.map { part in
                defer { start = part.end }
                return MarkedPart(range: part.range, tokens: Array(tokens[start..<part.end]), isName: part.isName)
            }
        }
    }

    package func name(ofSpecial token: Int32) -> [UInt8] { pipeline.names[Int(token)] }

    package func decode(_ tokens: [Int32], keepsSpecial: Bool) -> [UInt8] {
        pipeline.decode(tokens, keepsSpecial: keepsSpecial)
    }

    // MARK: Special tokens

    /// The usual names of special tokens.
    private static var names: [(token: WritableKeyPath<SpecialTokens, Int32?>, names: [String])] {
        [
            (\.pad, ["<pad>", "[PAD]", "<|pad|>", "<|padding|>"]),
            (\.bos, ["<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>", "<|begin▁of▁sentence|>"]),
            (\.eos, ["</s>", "<eos>", "<|end_of_text|>", "<|endoftext|>", "<|end▁of▁sentence|>"]),
            (\.mask, ["<mask>", "[MASK]"]), (\.sep, ["[SEP]", "<sep>"]), (\.cls, ["[CLS]", "<cls>"]),
        ]
    }

    /// The special tokens among the added ones, by their names; the tokens around a text are cls and sep if no names
    /// say otherwise.
    private static func specialTokens(of pipeline: TokenizerPipeline) -> SpecialTokens {
        var special = SpecialTokens(unknown: pipeline.unknown)
        for (token, names) in names {
            special[keyPath: token] = names.lazy.compactMap { number(of: $0, in: pipeline) }.first
        }
        if pipeline.frame.count == 3, let first = pipeline.frame[0], let last = pipeline.frame[2] {
            special.cls = special.cls ?? first
            special.sep = special.sep ?? last
        }
        return special
    }

    /// The number of the added token `name`; nil if there is none.
    static func number(of name: String, in pipeline: TokenizerPipeline) -> Int32? {
        pipeline.addedTokens.first { $0.content.elementsEqual(name.utf8) }?.number
    }

    /// The special tokens that a `tokenizer_config.json` names, where it is beside the tokenizer's file.
    ///
    /// - Throws: `badData` if the file is malformed.
    package static func specialTokens(
        configuration path: String, _ pipeline: TokenizerPipeline
    ) throws(Failure) -> SpecialTokens {
        var special = SpecialTokens.none
        guard try FileSystem.isPresent(path) else { return special }
        let settings = try JSON(parsing: try FileSystem.contents(of: path, limitBytes: 16 << 20), source: path)
        for (name, token) in [
            ("pad_token", \SpecialTokens.pad), ("unk_token", \.unknown), ("bos_token", \.bos), ("eos_token", \.eos),
            ("mask_token", \.mask), ("sep_token", \.sep), ("cls_token", \.cls),
        ] {
            guard let text = settings[name]?.stringValue ?? settings[name]?["content"]?.stringValue else { continue }
            special[keyPath: token] = number(of: text, in: pipeline)
        }
        return special
    }
}
