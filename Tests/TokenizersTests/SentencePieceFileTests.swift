import TestSupport
import Testing

@testable import Tokenizers

/// Model files that would crash SentencePiece or make it read out of bounds.
@Suite struct SentencePieceFileTests {
    // MARK: Protocol buffers

    private func integer(_ value: UInt64) -> [UInt8] {
        value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F | 0x80)] + integer(value >> 7)
    }

    private func field(_ number: UInt64, _ value: UInt64) -> [UInt8] { integer(number << 3) + integer(value) }

    private func field(_ number: UInt64, _ bytes: [UInt8]) -> [UInt8] {
        integer(number << 3 | 2) + integer(UInt64(bytes.count)) + bytes
    }

    private func piece(_ text: [UInt8], _ type: UInt64 = 1) -> [UInt8] {
        field(1, field(1, text) + [0x15, 0, 0, 0x80, 0xBF] + field(3, type))
    }

    private func piece(_ text: String, _ type: UInt64 = 1) -> [UInt8] { piece(Array(text.utf8), type) }

    /// A minimal model of the given type with additional fields.
    private func model(_ more: [UInt8], type: UInt64 = 1) -> [UInt8] {
        piece("<unk>", 2) + piece("a") + piece("\u{2581}a") + more + field(2, field(3, type))
    }

    private func load(_ bytes: [UInt8]) throws -> SentencePieceTokenizer {
        let tokenizer = try SentencePieceTokenizer(model: bytes, source: "some.model")
        _ = try tokenizer.encode("a  aa\u{0}aé🙂b")
        return tokenizer
    }

    private func expectRefusal(_ bytes: [UInt8], _ found: String, sourceLocation: SourceLocation = #_sourceLocation) {
        expectFailure(
            .badData, "some.model: not a SentencePiece model", found, "--tokenizer bpe:SIZE",
            sourceLocation: sourceLocation
        ) { _ = try load(bytes) }
    }

    @Test(arguments: [1, 2]) func loadsValidModels(type: UInt64) throws {
        #expect(try load(model(piece("aa"), type: type)).vocabularySize == 4 + 6)
        // Unknown fields of every wire type.
        let unknown = field(99, 7) + field(99, [1]) + integer(99 << 3 | 1) + [UInt8](repeating: 1, count: 8)
        #expect(try load(model(unknown + integer(99 << 3 | 5) + [1, 2, 3, 4], type: type)).vocabularySize == 3 + 6)
    }

    @Test(arguments: [1, 2]) func rejectsInvalidPieces(type: UInt64) {
        expectRefusal(model(piece("a\0b"), type: type), "a piece with a zero byte")
        expectRefusal(model(piece([UInt8](repeating: 0x61, count: 1025)), type: type), "a piece of 1025 bytes")
        expectRefusal(model(piece([UInt8](repeating: 0x61, count: 1 << 20)), type: type), "a piece of 1048576 bytes")
        expectRefusal(model(piece("a"), type: type), "an empty or a repeated piece")
        expectRefusal(model(piece(""), type: type), "an empty or a repeated piece")
        expectRefusal(piece("a") + field(2, field(3, type)), "no piece for unknown text")
        #expect(throws: Never.self) { _ = try load(model(piece([UInt8](repeating: 0x61, count: 1024)), type: type)) }
        // Pieces that are not UTF-8 match no text, but do no harm.
        #expect(throws: Never.self) { _ = try load(model(piece([0xFF, 0xC3]) + piece([0xC3]), type: type)) }
    }

    @Test func limitsNestedUserDefinedPieces() throws {
        func nested(_ count: Int) -> [UInt8] {
            (1...count).flatMap { piece("x" + String(repeating: "y", count: $0), 4) + piece("z\($0)", 4) }
        }
        let tokenizer = try load(model(nested(64)))
        #expect(try tokenizer.encode("x" + String(repeating: "y", count: 100)).count > 1)
        expectRefusal(model(nested(65)), "more than 64 user-defined pieces")
    }

    @Test func rejectsMalformedMessages() {
        for bytes: [UInt8] in [
            [0x0A], [0x0A, 5, 1], [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            [UInt8](repeating: 0x80, count: 20), [0x08], [0x09, 1], [0x0D, 1], [0x0B, 0x0C], [0x00, 0x00], [0x07],
            field(3, [0x12, 9, 1]), field(1, [0x0A]),
        ] { expectRefusal(bytes, "it is truncated or another kind of file") }
    }

    // MARK: Tables of characters

    /// A double array whose root has no children, except for the given units.
    private func units(_ changes: [Int: UInt32], count: Int = 512) -> [UInt32] {
        // An unused unit has a label that is impossible at its index.
        var units = (0..<count).map { UInt32(truncatingIfNeeded: ~$0 & 0xFF) }
        // The children of the root are at indices from 256 on.
        units[0] = 256 << 10
        for (index, unit) in changes { units[index] = unit }
        return units
    }

    private func table(_ units: [UInt32], texts: [UInt8] = [0x62, 0]) -> [UInt8] {
        littleEndian([UInt32(4 * units.count)]) + littleEndian(units) + texts
    }

    private func littleEndian(_ words: [UInt32]) -> [UInt8] {
        words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    }

    private func normalized(_ table: [UInt8], as number: UInt64 = 3) -> [UInt8] {
        model(field(number, field(2, table)))
    }

    /// A rule: "a" leads from the root to a leaf with `value`; its children are at `base`.
    private func oneRule(value: UInt32, at base: UInt32 = 0x161 ^ 0x180) -> [Int: UInt32] {
        [0x161: 0x61 | 1 << 8 | base << 10, Int(0x161 ^ base): 1 << 31 | value]
    }

    @Test func validTableReplacesCharacters() throws {
        let tokenizer = try load(normalized(table(units(oneRule(value: 0)))))
        // "a" becomes "b", for which there is no piece.
        #expect(try tokenizer.encode("a").contains(0))
        #expect(throws: Never.self) { _ = try load(normalized(table(units(oneRule(value: 1))))) }
    }

    @Test(arguments: [3, 5] as [UInt64]) func rejectsTablesWithIndicesOutOfRange(number: UInt64) {
        func refuse(_ table: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) {
            expectRefusal(
                normalized(table, as: number), "an offset in its table of characters is out of range",
                sourceLocation: sourceLocation)
        }
        let sound = table(units(oneRule(value: 0)))
        for length in [0, 1, 3, 4, 6, 2050, 2049 + 4, UInt32.max - 3, .max] {
            refuse(littleEndian([length]) + sound.dropFirst(4))
        }
        for count in 1..<5 { refuse(Array(sound.prefix(count))) }
        refuse(table(units(oneRule(value: 0)), texts: [0x62]))
        refuse(table(units(oneRule(value: 0)), texts: []))
        refuse(table(units(oneRule(value: 2))))
        refuse(table(units(oneRule(value: 0x7FFF_FFFF))))
        refuse(table(units([:], count: 256)))
        refuse(table(units([0: 0x3F_FFFF << 10])))
        refuse(table(units([0: 0x3F_FFFF << 10 | 1 << 9])))
        refuse(table(units([0x161: 0x61 | 512 << 10])))
    }

    @Test func rejectsCyclicAndTooDeepTables() {
        // "a" leads to itself: 0x161 ^ base ^ 0x61 == 0x161.
        expectRefusal(
            normalized(table(units([0x161: 0x61 | 0x61 << 10]))), "an offset in its table of characters is out of range"
        )
        // Rules for "a", "aa", …: the maximum number of results, then one more.
        func chain(_ count: Int) -> [UInt8] {
            var units = units([:], count: 256 * (count + 2))
            for step in 1...count {
                let index = 256 * step | 0x61
                // Its children are in the next block; the first of them is the leaf.
                let base = index ^ 256 * (step + 1)
                units[index] = 0x61 | 1 << 8 | UInt32(base) << 10
                units[256 * (step + 1)] = 1 << 31
            }
            return normalized(table(units))
        }
        #expect(throws: Never.self) { _ = try load(chain(32)).encode(String(repeating: "a", count: 100)) }
        expectRefusal(chain(33), "an offset in its table of characters is out of range")
    }
}
