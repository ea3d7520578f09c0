import Failures
import Files
import Texts

/// Reads the model of a `tokenizer.json`: its pieces, and how words are split into them.
struct ModelReading {
    /// The text of each piece, and its number.
    private(set) var pieces: [(text: [UInt8], number: Int32)] = []
    /// The number of the token for unknown text.
    private(set) var unknown: Int32?
    private(set) var model: SubwordModel
    private let names: Vocabulary

    /// Reads a model.
    ///
    /// - Parameter isByteLevel: Whether words are bytes, for which the characters of the pieces stand.
    init(_ node: FileNode, isByteLevel: Bool) throws(Failure) {
        let kind = try ModelReading.kind(node)
        // The place holder is replaced below.
        model = .words(WordLevelModel(vocabulary: Vocabulary(capacity: 0), unknown: 0))
        if kind.exact == "Unigram" {
            let scored = try ModelReading.scoredPieces(node.required("vocab"))
            pieces = scored.enumerated().map { ($1.text, Int32($0)) }
            names = try ModelReading.names(pieces, node)
            try readUnigram(node, scored)
            return
        }
        let list = try ModelReading.vocabulary(node.required("vocab"))
        pieces = list
        names = try ModelReading.names(list, node)
        switch kind.exact {
        case "BPE": try readBytePairs(node, isByteLevel)
        case "WordPiece": try readWordPieces(node)
        case "WordLevel":
            try node.allow("type", "vocab", "unk_token")
            unknown = try known(node, "unk_token")
            guard let unknown else { throw node.failure("has no \"unk_token\".") }
            model = .words(WordLevelModel(vocabulary: names, unknown: unknown))
        default: throw node.unknownKind(kind, "BPE, WordPiece, WordLevel and Unigram")
        }
    }

    /// The number of a piece; nil if there is none.
    func number(of text: [UInt8]) -> Int32? { names.number(of: text) }

    /// The kind of the model, which old files do not name.
    private static func kind(_ node: FileNode) throws(Failure) -> String {
        if let kind = try node.text("type") { return kind }
        if node.member("merges") != nil { return "BPE" }
        if node.member("max_input_chars_per_word") != nil { return "WordPiece" }
        return node.value["vocab"]?.arrayValue != nil ? "Unigram" : "WordLevel"
    }

    private static func vocabulary(_ node: FileNode) throws(Failure) -> [(text: [UInt8], number: Int32)] {
        guard let members = node.value.objectValue else { throw node.wrong("an object of tokens and their numbers") }
        guard members.count <= TokenizerFile.tokenLimit else {
            throw node.failure("has \(members.count) tokens; allowed: at most \(TokenizerFile.tokenLimit).")
        }
        var list: [(text: [UInt8], number: Int32)] = []
        list.reserveCapacity(members.count)
        for member in members {
            guard let number = member.value.integerValue.flatMap(Int32.init(exactly:)), number >= 0 else {
                throw node.failure(
                    "the token \"\(shortened(member.name))\" has \(shortened(member.value.printedLine)); needed: a number "
                        + "from 0 on.")
            }
            list.append((Array(member.name.utf8), number))
        }
        return list
    }

    private static func names(_ list: [(text: [UInt8], number: Int32)], _ node: FileNode) throws(Failure) -> Vocabulary
    {
        var names = Vocabulary(capacity: list.count)
        for piece in list {
            guard names.insert(piece.text, piece.number) else {
                let name = shortened(String(decoding: piece.text, as: UTF8.self))
                throw node.failure("the piece \"\(name)\" is in the vocabulary twice.")
            }
        }
        return names
    }

    /// The number of the token that the member `name` names; nil if it is missing or empty.
    private func known(_ node: FileNode, _ name: String) throws(Failure) -> Int32? {
        guard let text = try node.text(name), !text.isEmpty else { return nil }
        guard let number = names.number(of: Array(text.utf8)) else {
            throw node.failure("\(name): \"\(shortened(text))\" is not in the vocabulary.")
        }
        return number
    }

    /// The tokens of the 256 bytes, -1 for those that do not exist.
    private func byteTokens() -> [Int32] {
        (0..<256).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return names.number(of: Array("<0x\(byte < 16 ? "0" : "")\(digits)>".utf8)) ?? -1
        }
    }

    // MARK: Byte pairs

    private mutating func readBytePairs(_ node: FileNode, _ isByteLevel: Bool) throws(Failure) {
        try node.allow(
            "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
            "byte_fallback",
            "ignore_merges", "vocab", "merges")
        if let dropout = node.member("dropout"), dropout.value.doubleValue != 0 {
            throw dropout.failure(
                "found \(shortened(dropout.value.printedLine)); allowed: null, since tokens must not depend on chance.")
        }
        unknown = try known(node, "unk_token")
        let prefix = Array(try node.text("continuing_subword_prefix", "").utf8)
        // The pieces as the model sees them: bytes of the text in a byte-level tokenizer.
        var own = pieces
        if isByteLevel {
            own = pieces.compactMap { piece in ByteCharacters.bytes(of: piece.text).map { ($0, piece.number) } }
        }
        var vocabulary = Vocabulary(capacity: own.count)
        for piece in own { _ = vocabulary.insert(piece.text, piece.number) }
        let bytes = try node.flag("byte_fallback", default: false) ? byteTokens() : nil
        let (merges, joined) = try self.merges(node.required("merges"), prefix)
        var bytePairs = BytePairModel(vocabulary: vocabulary, merges: merges)
        bytePairs.splitsBytes = isByteLevel
        bytePairs.ignoresMerges = try node.flag("ignore_merges", default: false)
        bytePairs.unknown = unknown
        bytePairs.fusesUnknown = try node.flag("fuse_unk", default: false)
        bytePairs.byteTokens = bytes
        bytePairs.prefix = prefix
        bytePairs.suffix = Array(try node.text("end_of_word_suffix", "").utf8)
        let joinsBytes = bytes.map { !joined.isDisjoint(with: $0) } ?? false
        bytePairs.prepare(own.map { ($0.text, $0.number) }, joinsBytes: joinsBytes)
        model = .bytePairs(bytePairs)
    }

    /// The merges, each two pieces in an array or in a text with a space, and all tokens that they join.
    private func merges(_ node: FileNode, _ prefix: [UInt8]) throws(Failure) -> (
        table: IntegerTable, joined: Set<Int32>
    ) {
        guard let list = node.value.arrayValue else { throw node.wrong("an array of merges") }
        guard list.count <= 2 * TokenizerFile.tokenLimit else {
            throw node.failure("has \(list.count) merges; allowed: at most \(2 * TokenizerFile.tokenLimit).")
        }
        var table = IntegerTable(capacity: list.count)
        var joined: Set<Int32> = []
        for (rank, merge) in list.enumerated() {
            func failure(_ message: String) -> Failure {
                Failure(.badData, "\(node.place)[\(rank)]: \(shortened(merge.printedLine)): \(message)")
            }
            guard let (left, right) = ModelReading.parts(merge) else {
                throw failure("needed: two pieces, with a space between them or in an array.")
            }
            var numbers: [Int32] = []
            for part in [left, right] {
                guard let number = names.number(of: part) else {
                    throw failure("\"\(shortened(String(decoding: part, as: UTF8.self)))\" is not in the vocabulary.")
                }
                numbers.append(number)
            }
            guard right.count >= prefix.count, let result = names.number(of: left + right.dropFirst(prefix.count))
            else {
                throw failure("the piece that it makes is not in the vocabulary.")
            }
            guard table.insert(IntegerTable.key(numbers[0], numbers[1]), Int64(rank) << 32 | Int64(result)) else {
                throw failure("is listed twice.")
            }
            joined.formUnion(numbers)
        }
        return (table, joined)
    }

    /// The two pieces of a merge.
    private static func parts(_ merge: JSON) -> ([UInt8], [UInt8])? {
        if let text = merge.stringValue {
            let parts = text.utf8.split(separator: 0x20, omittingEmptySubsequences: false)
            return parts.count == 2 ? (Array(parts[0]), Array(parts[1])) : nil
        }
        guard let parts = merge.arrayValue, parts.count == 2, let left = parts[0].stringValue,
            let right = parts[1].stringValue
        else { return nil }
        return (Array(left.utf8), Array(right.utf8))
    }

    // MARK: Other models

    private mutating func readWordPieces(_ node: FileNode) throws(Failure) {
        try node.allow("type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab")
        let prefix = Array(try node.text("continuing_subword_prefix", "##").utf8)
        let limit = node.member("max_input_chars_per_word")
        guard let characters = limit.map(\.value.integerValue) ?? 100, characters >= 0 else {
            throw limit!.wrong("a number of characters")
        }
        unknown = try known(node, "unk_token") ?? names.number(of: Array("[UNK]".utf8))
        guard let unknown else { throw node.failure("has no \"unk_token\".") }
        let bytes = pieces.reduce(0) { $0 + $1.text.count }
        var beginnings = PieceTrie(capacity: bytes)
        var continuations = PieceTrie(capacity: bytes / 2)
        for piece in pieces where !piece.text.isEmpty {
            beginnings.insert(piece.text, piece.number)
            if piece.text.starts(with: prefix), piece.text.count > prefix.count {
                continuations.insert(piece.text.dropFirst(prefix.count), piece.number)
            }
        }
        model = .wordPiece(
            WordPieceModel(
                beginnings: beginnings, continuations: continuations, prefix: prefix, unknown: unknown,
                characterLimit: characters))
    }

    private static func scoredPieces(_ node: FileNode) throws(Failure) -> [(text: [UInt8], score: Double)] {
        let list = try node.elements()
        guard list.count <= TokenizerFile.tokenLimit else {
            throw node.failure("has \(list.count) pieces; allowed: at most \(TokenizerFile.tokenLimit).")
        }
        var scored: [(text: [UInt8], score: Double)] = []
        scored.reserveCapacity(list.count)
        for entry in list {
            guard let pair = entry.value.arrayValue, pair.count == 2, let text = pair[0].stringValue,
                let score = pair[1].doubleValue
            else { throw entry.wrong("a piece and its score") }
            scored.append((Array(text.utf8), score))
        }
        return scored
    }

    private mutating func readUnigram(
        _ node: FileNode, _ scored: [(text: [UInt8], score: Double)]
    ) throws(Failure) {
        try node.allow("type", "unk_id", "vocab", "byte_fallback")
        guard let place = node.member("unk_id") else {
            throw node.failure("has no \"unk_id\", the number of the token for unknown text.")
        }
        let number = try place.token()
        guard number < scored.count else { throw place.wrong("a number below \(scored.count)") }
        unknown = number
        let bytes = try node.flag("byte_fallback", default: false) ? byteTokens() : nil
        model = .unigram(UnigramModel(scored, unknown: number, byteTokens: bytes))
    }
}
