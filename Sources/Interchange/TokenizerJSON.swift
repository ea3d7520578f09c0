import Texts
import Datasets
import Files
import Models
import TokenizerPipelines
import Tokenizers

/// The contents of `tokenizer.json` and `tokenizer_config.json`: a tokenizer in the format of the library `tokenizers`,
/// so that `AutoTokenizer` yields the same token IDs as dtrain.
///
/// dtrain encodes each line separately, with a space before it. The library has no such option, so the line break is an
/// added token: the library splits the text there first, and prepends a space to each part.
package struct TokenizerJSON {
    /// The contents of `tokenizer.json`.
    let tokenizer: JSON
    /// The contents of `tokenizer_config.json`.
    let configuration: JSON
    /// Descriptions, for the user, of texts that get other token IDs there; empty if there are none.
    let exceptions: [String]

    /// Converts the tokenizer for models of `model`'s family; nil if the library cannot represent it.
    init?(_ tokenizer: any Tokenizer, for model: PortableModel) {
        if let pieces = (tokenizer as? SentencePieceTokenizer)?.learnedPieces {
            self.init(pieces, tokenizer.specialTokens, model)
        } else if tokenizer.description.kind == .byte {
            self.init(bytesWith: tokenizer.specialTokens, model)
        } else {
            return nil
        }
    }

    /// A BPE or unigram tokenizer that dtrain trained.
    private init(_ pieces: SentencePieceTokenizer.LearnedPieces, _ special: SpecialTokens, _ model: PortableModel) {
        let names = pieces.pieces.map(\.text)
        let space = "\u{2581}"
        let normalizers: [JSON] = [
            ["type": "Prepend", "prepend": .string(space)],
            ["type": "Replace", "pattern": ["String": " "], "content": .string(space)],
        ]
        let decoders: [JSON] = [
            ["type": "Replace", "pattern": ["String": .string(space)], "content": " "], ["type": "ByteFallback"],
            ["type": "Fuse"], ["type": "Replace", "pattern": ["Regex": "\n "], "content": "\n"],
            ["type": "Strip", "content": " ", "start": 1, "stop": 0],
        ]
        tokenizer = TokenizerJSON.file(
            added: pieces.pieces.indices.filter { pieces.pieces[$0].kind == .taken }.map {
                (Int32($0), names[$0], special.all.contains(Int32($0)))
            }, normalizer: ["type": "Sequence", "normalizers": .array(normalizers)],
            splitting: TokenizerJSON.splitting(pieces), decoder: ["type": "Sequence", "decoders": .array(decoders)],
            model: pieces.isUnigram ? TokenizerJSON.unigram(pieces) : TokenizerJSON.bytePairs(pieces),
            frame: TokenizerJSON.frame(special, model.configuration.family) { names[Int($0)] })
        configuration = TokenizerJSON.configuration(special, model) { names[Int($0)] }
        exceptions =
            ["U+2581 becomes a space"]
            + (pieces.isUnigram
                ? ["if two segmentations of a word are equally likely, it may choose a different one"] : [])
    }

    /// A byte-level tokenizer with special tokens after the 256 bytes.
    private init(bytesWith special: SpecialTokens, _ model: PortableModel) {
        let names = Dictionary(
            uniqueKeysWithValues: SpecialTokens.names.compactMap { name, token in
                special[keyPath: token].map { ($0, TokenizerJSON.wrapped(name)) }
            })
        let bytes = (0...255).map { JSON.Member(VocabularyFiles.name(ofByte: UInt8($0)), .integer($0)) }
        let added = names.sorted { $0.key < $1.key }
        tokenizer = TokenizerJSON.file(
            added: added.map { ($0.key, $0.value, true) }, normalizer: .null,
            splitting: [
                "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
            ],
            decoder: ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true],
            model: TokenizerJSON.pairs(
                .object(bytes + added.map { JSON.Member($0.value, .integer(Int($0.key))) }), merges: [], unknown: .null,
                fallsBack: false),
            frame: TokenizerJSON.frame(special, model.configuration.family) { names[$0]! })
        configuration = TokenizerJSON.configuration(special, model) { names[$0]! }
        exceptions = []
    }

    /// The byte tokenizer as `tokenizer.json` describes it; nil for other tokenizers.
    package static func pipeline(of tokenizer: any Tokenizer, for model: PortableModel) -> PipelineTokenizer? {
        guard tokenizer.description.kind == .byte, let files = TokenizerJSON(tokenizer, for: model) else { return nil }
        return try? PipelineTokenizer(
            model: Array(files.tokenizer.line.utf8), source: "The byte tokenizer", special: tokenizer.specialTokens)
    }

    // MARK: Parts

    private static func file(
        added: [(number: Int32, text: String, isSpecial: Bool)], normalizer: JSON, splitting: JSON, decoder: JSON,
        model: JSON, frame: JSON
    ) -> JSON {
        let added = added.map { token -> JSON in
            [
                "id": .integer(Int(token.number)), "content": .string(token.text), "single_word": false,
                "lstrip": false, "rstrip": false, "normalized": false, "special": .boolean(token.isSpecial),
            ]
        }
        return [
            "version": "1.0", "truncation": .null, "padding": .null, "added_tokens": .array(added),
            "normalizer": normalizer, "pre_tokenizer": splitting, "post_processor": frame, "decoder": decoder,
            "model": model,
        ]
    }

    private static func pairs(_ vocabulary: JSON, merges: [JSON], unknown: JSON, fallsBack: Bool) -> JSON {
        [
            "type": "BPE", "dropout": .null, "unk_token": unknown, "continuing_subword_prefix": .null,
            "end_of_word_suffix": .null, "fuse_unk": .boolean(fallsBack), "byte_fallback": .boolean(fallsBack),
            "ignore_merges": false, "vocab": vocabulary, "merges": .array(merges),
        ]
    }

    /// Two pieces are merged if their concatenation is a piece. Merges are in order of descending score of the result;
    /// ties in the order of the pieces.
    private static func bytePairs(_ pieces: SentencePieceTokenizer.LearnedPieces) -> JSON {
        let learned = pieces.pieces.indices.filter { pieces.pieces[$0].kind == .learned }
        let known = Set(learned.map { pieces.pieces[$0].text.exact })
        var merges: [JSON] = []
        for index in learned.sorted(by: { (-pieces.pieces[$0].score, $0) < (-pieces.pieces[$1].score, $1) }) {
            let scalars = Array(pieces.pieces[index].text.unicodeScalars)
            for cut in scalars.indices.dropFirst() {
                let (left, right) = (text(scalars[..<cut]), text(scalars[cut...]))
                if known.contains(left.exact), known.contains(right.exact) {
                    merges.append([.string(left), .string(right)])
                }
            }
        }
        let vocabulary = pieces.pieces.enumerated().map { JSON.Member($1.text, .integer($0)) }
        return pairs(.object(vocabulary), merges: merges, unknown: "<unk>", fallsBack: true)
    }

    /// Pieces that are not learned get a score so low that they are never chosen.
    private static func unigram(_ pieces: SentencePieceTokenizer.LearnedPieces) -> JSON {
        let vocabulary = pieces.pieces.map { piece -> JSON in
            [.string(piece.text), .number(piece.kind == .learned ? Double(piece.score) : -1e6)]
        }
        return ["type": "Unigram", "unk_id": 1, "byte_fallback": true, "vocab": .array(vocabulary)]
    }

    /// The pre-tokenization of a unigram model: it isolates characters that occur in the names of special pieces, such
    /// as "<s>" and "<0x41>", but in no learned piece. Otherwise such a name in a text would match the special piece,
    /// which scores higher than an unknown character.
    private static func splitting(_ pieces: SentencePieceTokenizer.LearnedPieces) -> JSON {
        guard pieces.isUnigram else { return .null }
        let known = Set(pieces.pieces.filter { $0.kind == .learned }.flatMap(\.text.unicodeScalars))
        var names: Set<Unicode.Scalar> = []
        for piece in pieces.pieces where piece.kind != .learned { names.formUnion(piece.text.unicodeScalars) }
        let unknown = names.subtracting(known).subtracting(["\n"]).sorted()
        if unknown.isEmpty { return .null }
        return [
            "type": "Split", "pattern": ["Regex": .string("[\(text(unknown[...]))]")], "behavior": "Isolated",
            "invert": false,
        ]
    }

    /// The special token around the input of a model of the family.
    private static func frame(
        _ special: SpecialTokens, _ family: ModelConfiguration.Family, _ name: (Int32) -> String
    ) -> JSON {
        let (token, isFirst): (Int32?, Bool) =
            switch family.architecture.response {
            case .labels: (special.cls, true)
            case .target: (special.eos, false)
            default: (nil, false)
            }
        guard let token else { return .null }
        let mark: JSON = ["SpecialToken": ["id": .string(name(token)), "type_id": 0]]
        let (one, other): (JSON, JSON) = (
            ["Sequence": ["id": "A", "type_id": 0]], ["Sequence": ["id": "B", "type_id": 0]]
        )
        return [
            "type": "TemplateProcessing", "single": isFirst ? [mark, one] : [one, mark],
            "pair": isFirst ? [mark, one, other] : [one, other, mark],
            "special_tokens": .object([
                JSON.Member(
                    name(token),
                    [
                        "id": .string(name(token)), "ids": [.integer(Int(token))], "tokens": [.string(name(token))],
                    ])
            ]),
        ]
    }

    private static func configuration(
        _ special: SpecialTokens, _ model: PortableModel, splitsSpecial: Bool = true, _ name: (Int32) -> String
    ) -> JSON {
        let roles = [
            ("pad_token", special.pad), ("unk_token", special.unknown), ("bos_token", special.bos),
            ("eos_token", special.eos), ("mask_token", special.mask), ("sep_token", special.sep),
            ("cls_token", special.cls),
        ].compactMap { role, token in token.map { JSON.Member(role, .string(name($0))) } }
        return .object(
            [
                JSON.Member("tokenizer_class", "PreTrainedTokenizerFast"),
                JSON.Member("model_max_length", .integer(model.contextLength)),
                JSON.Member("clean_up_tokenization_spaces", false),
                // The text of a special token in the input is ordinary text for dtrain's own tokenizers.
                JSON.Member("split_special_tokens", .boolean(splitsSpecial)),
                JSON.Member("model_input_names", ["input_ids", "attention_mask"]),
            ] + roles)
    }

    /// The contents of `tokenizer_config.json` beside a `tokenizer.json` that exists.
    static func configuration(of tokenizer: PipelineTokenizer, for model: PortableModel) -> JSON {
        configuration(tokenizer.specialTokens, model, splitsSpecial: false) {
            String(decoding: tokenizer.pipeline.names[Int($0)], as: UTF8.self)
        }
    }

    /// A `tokenizer_config.json` with a chat template, in whose texts the names of special tokens stand for these.
    static func adding(_ chatTemplate: String?, to configuration: JSON) -> JSON {
        guard let chatTemplate, let members = configuration.objectValue else { return configuration }
        let others = members.filter { $0.name.exact != "split_special_tokens".exact }
        return .object(
            others + [.init("split_special_tokens", false), .init("chat_template", .string(chatTemplate))])
    }

    private static func wrapped(_ name: String) -> String { "<\(name)>" }

    private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }
}
