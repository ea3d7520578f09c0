import Failures

/// What SentencePiece takes on trust in a model's file, looked at before it does.
///
/// The library reads the file as a message of protocol buffers, which is safe, and then follows the numbers in it: a
/// table of characters that leads outside itself, or a piece of a million characters, ends the process. A file that
/// SentencePiece wrote has none of that.
///
/// - Source: sentencepiece_model.proto; the table is a double array of Darts-clone (Yata 2007), as SentencePiece 0.1.97
///   walks it.
struct SentencePieceFile {
    /// Pieces are at most 16 characters unless their maker asked for longer ones.
    private static let pieceBytesLimit = 1 << 10
    /// User-defined pieces that begin with each other, as many as the library has places for.
    private static let nestedPieceLimit = 64

    private var userDefined: [ArraySlice<UInt8>] = []
    private let source: String

    /// Looks at a file.
    ///
    /// - Throws: `badData` where SentencePiece would not survive it.
    static func check(_ bytes: [UInt8], source: String) throws(Failure) {
        var file = SentencePieceFile(source: source)
        try file.forEachField(of: bytes[...]) { (file, field) throws(Failure) in
            switch (field.number, field.bytes) {
            case (1, let piece?): try file.checkPiece(piece)
            // How text is changed before encoding, and after decoding.
            case (3, let normalizer?), (5, let normalizer?):
                try file.forEachField(of: normalizer) { (file, field) throws(Failure) in
                    guard field.number == 2, let table = field.bytes, !table.isEmpty else { return }
                    guard let table = CharacterTable(table), table.isSound else {
                        throw file.failure("its table of characters leads outside itself")
                    }
                }
            default: break
            }
        }
        try file.checkUserDefined()
    }

    /// Whether a file that was checked is a unigram model: what `model_type` (3) of `trainer_spec` (2) says, or by default.
    static func isUnigram(_ bytes: [UInt8]) -> Bool {
        var file = SentencePieceFile(source: "")
        var type: UInt64 = 1
        try? file.forEachField(of: bytes[...]) { (file, field) throws(Failure) in
            guard field.number == 2, let settings = field.bytes else { return }
            try file.forEachField(of: settings) { (_, field) throws(Failure) in
                if field.number == 3, let number = field.integer { type = number }
            }
        }
        return type == 1
    }

    private init(source: String) {
        self.source = source
    }

    private mutating func checkPiece(_ message: ArraySlice<UInt8>) throws(Failure) {
        var (text, isUserDefined) = (message[message.endIndex...], false)
        try forEachField(of: message) { (file, field) throws(Failure) in
            if field.number == 1, let bytes = field.bytes {
                guard bytes.count <= SentencePieceFile.pieceBytesLimit else {
                    throw file.failure("a piece of \(bytes.count) bytes; at most \(Self.pieceBytesLimit) are allowed")
                }
                guard !bytes.contains(0) else { throw file.failure("a piece with a zero byte") }
                text = bytes
            }
            // USER_DEFINED
            if field.number == 3, field.integer.map({ Int32(truncatingIfNeeded: $0) }) == 4 { isUserDefined = true }
        }
        if isUserDefined, !text.isEmpty { userDefined.append(text) }
    }

    private mutating func checkUserDefined() throws(Failure) {
        userDefined.sort { $0.lexicographicallyPrecedes($1) }
        // Pieces that begin with each other stand in a row, the shorter before the longer.
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

    /// A field of a message: a number, or bytes.
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

    private var malformed: Failure { failure("it is cut short or another kind of file") }

    private func failure(_ found: String) -> Failure {
        Failure(
            .badData,
            "\(source): not a model of SentencePiece: \(found). Give a .model file that SentencePiece wrote, or train "
                + "one: --tokenizer bpe:SIZE.")
    }
}

/// Rules for the replacement of characters: a trie in a double array, and the texts that it leads to.
private struct CharacterTable {
    private let units: [UInt32]
    /// The bytes of the texts, each with a zero at its end.
    private let texts: ArraySlice<UInt8>

    /// Rules that a text may follow at once, as many as the library has places for.
    private static let resultLimit = 32
    /// Set in a unit that holds a value and has no label.
    private static let valueBit: UInt32 = 1 << 31

    /// Four bytes of length, as many bytes of units, and the texts; nil where these do not fit.
    init?(_ bytes: ArraySlice<UInt8>) {
        func word(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
        let rest = bytes.dropFirst(4)
        let size = Int(word(bytes.prefix(4)))
        guard size >= 4, size.isMultiple(of: 4), size < rest.count else { return nil }
        var units: [UInt32] = []
        units.reserveCapacity(size / 4)
        for start in stride(from: rest.startIndex, to: rest.startIndex + size, by: 4) {
            units.append(word(rest[start..<start + 4]))
        }
        self.units = units
        texts = rest.dropFirst(size)
    }

    /// Whether every way through the trie stays inside, ends, and leads to texts that end.
    var isSound: Bool {
        guard texts.last == 0, units[0] & Self.valueBit == 0 else { return false }
        for (index, unit) in units.enumerated() where unit & Self.valueBit == 0 {
            let base = base(index)
            // All labels that text may have.
            guard base | 0xFF < units.count else { return false }
            if hasLeaf(unit), Int(units[base] & ~Self.valueBit) >= texts.count { return false }
        }
        return (mostLeaves ?? .max) <= Self.resultLimit
    }

    /// The most leaves on a way from the root, each unit seen once; nil where a way leads back to where it came from.
    private var mostLeaves: Int? {
        var isMet = [Bool](repeating: false, count: units.count)
        var isDone = isMet
        var most = [Int](repeating: 0, count: units.count)
        // Ways may meet again: units are shared between rules that end alike.
        var way = [(index: 0, label: 0)]
        while let (index, first) = way.popLast() {
            isMet[index] = true
            let base = base(index)
            var label = first
            while label < 256 {
                let child = base ^ label
                if units[child] & (Self.valueBit | 0xFF) == UInt32(label) {
                    if !isDone[child] {
                        if isMet[child] { return nil }
                        way += [(index, label), (child, 0)]
                        break
                    }
                    most[index] = max(most[index], most[child] + (hasLeaf(units[child]) ? 1 : 0))
                }
                label += 1
            }
            if label == 256 { isDone[index] = true }
        }
        return most[0]
    }

    private func hasLeaf(_ unit: UInt32) -> Bool { unit >> 8 & 1 == 1 }

    /// Where the children of a unit stand, each at its label's exclusive or.
    private func base(_ index: Int) -> Int {
        let unit = units[index]
        return index ^ Int((unit >> 10) << ((unit & 1 << 9) >> 6))
    }
}
