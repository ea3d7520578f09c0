import Failures
import TokenizerPipelines

/// Validates a SentencePiece model file before the library loads it.
///
/// The library parses the protocol buffer message safely, but then trusts its contents: a character table with indices
/// out of range, or a piece of a million characters, crashes the process. Files that SentencePiece wrote contain
/// neither.
///
/// - Source: sentencepiece_model.proto.
struct SentencePieceFile {
    /// The maximum length of a piece in bytes; by default SentencePiece's pieces have at most 16 characters.
    private static let pieceBytesLimit = 1 << 10
    /// The maximum number of user-defined pieces that are prefixes of one another: the library's buffer size.
    private static let nestedPieceLimit = 64

    private var userDefined: [ArraySlice<UInt8>] = []
    private let source: String

    /// Validates a file.
    ///
    /// - Throws: `badData` if loading or using it could crash SentencePiece.
    static func check(_ bytes: [UInt8], source: String) throws(Failure) {
        var file = SentencePieceFile(source: source)
        try file.forEachField(of: bytes[...]) { (file, field) throws(Failure) in
            switch (field.number, field.bytes) {
            case (1, let piece?): try file.checkPiece(piece)
            // Normalization rules before encoding (3) and after decoding (5).
            case (3, let normalizer?), (5, let normalizer?):
                try file.forEachField(of: normalizer) { (file, field) throws(Failure) in
                    guard field.number == 2, let table = field.bytes, !table.isEmpty else { return }
                    guard let table = CharacterMap(table), table.isSound else {
                        throw file.failure("an offset in its table of characters is out of range")
                    }
                }
            default: break
            }
        }
        try file.checkUserDefined()
    }

    /// Whether a validated file is a unigram model.
    static func isUnigram(_ bytes: [UInt8]) -> Bool { Settings(bytes).modelType == 1 }

    /// Whether a validated file is a BPE model that encodes the words of a text independently.
    static func encodesWordsSeparately(_ bytes: [UInt8]) -> Bool {
        Settings(bytes).modelType == 2 && hasSeparateWords(bytes)
    }

    /// Whether no piece of a validated file crosses the start of a run of spaces, and every text has tokens.
    ///
    /// Such a model applies no rules to a text except that spaces become U+2581, and its pieces have U+2581 at their
    /// start only, so that no merge crosses the start of a run of spaces. Characters without a piece become bytes, and
    /// no piece but the line break is user-defined or unused.
    static func hasSeparateWords(_ bytes: [UInt8]) -> Bool { Settings(bytes).hasPlainWords }

    /// What decides how a validated file encodes words; fields that are missing have the library's defaults.
    struct Settings {
        /// The field `model_type` (3) of `trainer_spec` (2): 1 is unigram, 2 BPE.
        private(set) var modelType: UInt64 = 1
        /// The type of each piece.
        private(set) var types: [UInt64] = []
        /// The table of rules that replace characters; empty if there are none.
        private(set) var characterMap: [UInt8] = []
        private(set) var addsSpace = true
        private(set) var removesSpaces = true
        private var hasPlainPieces = true
        private var replacesSpaces = true
        private var addsSpaceBehind = false
        private var fallsBackToBytes = false

        var hasPlainWords: Bool {
            hasPlainPieces && characterMap.isEmpty && !removesSpaces && replacesSpaces && !addsSpaceBehind
                && fallsBackToBytes
        }

        init(_ bytes: [UInt8]) {
            var file = SentencePieceFile(source: "")
            try? file.forEachField(of: bytes[...]) { (file, field) throws(Failure) in
                guard let message = field.bytes else { return }
                var piece = (text: message[message.endIndex...], type: 1 as UInt64)
                try file.forEachField(of: message) { (_, inner) throws(Failure) in
                    switch (field.number, inner.number, inner.integer, inner.bytes) {
                    case (1, 1, _, let text?): piece.text = text
                    case (1, 3, let type?, _): piece.type = type
                    case (2, 3, let type?, _): modelType = type
                    // treat_whitespace_as_suffix and byte_fallback of trainer_spec
                    case (2, 24, let value?, _): addsSpaceBehind = value != 0
                    case (2, 35, let value?, _): fallsBackToBytes = value != 0
                    // precompiled_charsmap, add_dummy_prefix, remove_extra_whitespaces and escape_whitespaces of
                    // normalizer_spec
                    case (3, 2, _, let table?): characterMap = Array(table)
                    case (3, 3, let value?, _): addsSpace = value != 0
                    case (3, 4, let value?, _): removesSpaces = value != 0
                    case (3, 5, let value?, _): replacesSpaces = value != 0
                    default: break
                    }
                }
                guard field.number == 1 else { return }
                types.append(piece.type)
                if !Settings.isPlain(piece.text, piece.type) { hasPlainPieces = false }
            }
        }

        /// Whether a piece has U+2581 at its start only, and is neither user-defined (4) nor unused (5), except for the
        /// line break.
        private static func isPlain(_ text: ArraySlice<UInt8>, _ type: UInt64) -> Bool {
            if type == 4 || type == 5 { return text.elementsEqual("\n".utf8) }
            let space = Array("\u{2581}".utf8)
            var rest = text
            while rest.starts(with: space) { rest = rest.dropFirst(space.count) }
            return !rest.indices.contains { rest[$0...].starts(with: space) }
        }
    }

    private init(source: String) {
        self.source = source
    }

    private mutating func checkPiece(_ message: ArraySlice<UInt8>) throws(Failure) {
        var (text, isUserDefined) = (message[message.endIndex...], false)
        try forEachField(of: message) { (file, field) throws(Failure) in
            if field.number == 1, let bytes = field.bytes {
                guard bytes.count <= SentencePieceFile.pieceBytesLimit else {
                    throw file.failure("a piece of \(bytes.count) bytes; allowed: at most \(Self.pieceBytesLimit)")
                }
                guard !bytes.contains(0) else { throw file.failure("a piece with a zero byte") }
                text = bytes
            }
            // The value of USER_DEFINED.
            if field.number == 3, field.integer.map({ Int32(truncatingIfNeeded: $0) }) == 4 { isUserDefined = true }
        }
        if isUserDefined, !text.isEmpty { userDefined.append(text) }
    }

    private mutating func checkUserDefined() throws(Failure) {
        userDefined.sort { $0.lexicographicallyPrecedes($1) }
        // After sorting, the prefixes of a piece come directly before it, the shortest first.
        var prefixes: [ArraySlice<UInt8>] = []
        for piece in userDefined {
            while let last = prefixes.last, !piece.starts(with: last) { prefixes.removeLast() }
            if prefixes.last != piece { prefixes.append(piece) }
            guard prefixes.count <= Self.nestedPieceLimit else {
                throw failure("more than \(Self.nestedPieceLimit) user-defined pieces that begin with each other")
            }
        }
    }

    // MARK: Protocol buffers

    /// A field of a message: an integer or bytes.
    private struct Field {
        let number: UInt64
        var integer: UInt64?
        var bytes: ArraySlice<UInt8>?
    }

    private mutating func forEachField(
        of message: ArraySlice<UInt8>, _ body: (inout SentencePieceFile, Field) throws(Failure) -> Void
    ) throws(Failure) {
        var rest = message
        while !rest.isEmpty {
            guard let tag = Self.takeInteger(&rest), tag >> 3 > 0, tag <= UInt64(UInt32.max) else { throw malformed }
            var field = Field(number: tag >> 3)
            switch tag & 7 {
            case 0:
                field.integer = Self.takeInteger(&rest)
                guard field.integer != nil else { throw malformed }
            case 1, 5:
                let count = tag & 7 == 1 ? 8 : 4
                guard rest.count >= count else { throw malformed }
                rest = rest.dropFirst(count)
            case 2:
                guard let count = Self.takeInteger(&rest), count <= UInt64(rest.count) else { throw malformed }
                field.bytes = rest.prefix(Int(count))
                rest = rest.dropFirst(Int(count))
            default: throw malformed
            }
            try body(&self, field)
        }
    }

    private static func takeInteger(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for index in 0..<10 {
            guard let byte = bytes.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << UInt64(7 * index)
            if byte < 0x80 { return value }
        }
        return nil
    }

    private var malformed: Failure { failure("it is truncated or another kind of file") }

    private func failure(_ found: String) -> Failure {
        Failure(
            .badData,
            "\(source): not a SentencePiece model: \(found). Give a .model file that SentencePiece wrote, or train "
                + "one: --tokenizer bpe:SIZE.")
    }
}
