import Files
import Glibc
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

@Suite struct TokenShardTests {
    let directory: TemporaryDirectory

    init() { directory = TemporaryDirectory() }

    @Test func digestIsXXH3() throws {
        // The XXH3-128 of the empty file and of "abc", as `xxhsum -H2` prints them.
        try directory.write("", to: "empty")
        try directory.write("abc", to: "abc")
        #expect(try TokenShard.digest(ofFile: directory.file("empty")) == "99aa06d3014798d86001c324468d497f")
        #expect(try TokenShard.digest(ofFile: directory.file("abc")) == "06b05ab6733a618578af5f94892f3950")
    }

    @Test(arguments: TokenShardFormat.allCases) func everyFormatReadsBack(format: TokenShardFormat) throws {
        // More tokens than fit the buffers for writing and reading.
        let largest: Int32 = format == .uint32 ? .max - 1 : 65_535
        let written =
            (0..<200_000).map { Int32(truncatingIfNeeded: $0 &* 2_654_435_761) & .max % (largest + 1) }
            + [0, largest]
        let line = try directory.writeShard(written, to: "shard.bin", format: format)
        let shard = try TokenShard(checking: directory.file("shard.bin"), allowingHeaderless: format == .headerless)
        #expect(shard.format == format)
        #expect(shard.tokenCount == written.count)
        #expect(line.file == "shard.bin" && line.tokens == written.count && line.bytes == shard.byteCount)
        #expect(line.digest == (try TokenShard.digest(ofFile: shard.path)))
        let stream = TokenStream(name: "test", shards: [shard], vocabularySize: Int(Int32.max))
        #expect(try tokens(stream) == written)
    }

    @Test func bytesMatchLLMCFormat() throws {
        try directory.writeShard([0x0102, 0xFFFE], to: "16", format: .uint16)
        try directory.writeShard([0x0102_0304], to: "32", format: .uint32)
        // 20240520 = 0x0134D888, 20240801 = 0x0134D9A1.
        let zeros = [UInt8](repeating: 0, count: 1024 - 12)
        let narrow: [UInt8] = [0x88, 0xD8, 0x34, 0x01, 1, 0, 0, 0, 2, 0, 0, 0]
        let wide: [UInt8] = [0xA1, 0xD9, 0x34, 0x01, 7, 0, 0, 0, 1, 0, 0, 0]
        #expect(try FileSystem.contents(of: directory.file("16")) == narrow + zeros + [0x02, 0x01, 0xFE, 0xFF])
        #expect(try FileSystem.contents(of: directory.file("32")) == wide + zeros + [0x04, 0x03, 0x02, 0x01])
    }

    @Test func vocabularySizeDeterminesFormat() {
        #expect(TokenShardFormat(vocabularySize: 65_536) == .uint16)
        #expect(TokenShardFormat(vocabularySize: 65_537) == .uint32)
    }

    @Test func rejectsUnfinishedShard() throws {
        do {
            var writer = try TokenShardWriter(directory.file("shard.bin"), format: .uint16)
            try writer.append([1, 2, 3])
        }
        expectFailure(.badData, "shard.bin", "0 tokens at byte 8") {
            _ = try TokenShard(checking: directory.file("shard.bin"))
        }
    }

    /// A modification of a shard of ten 16-bit tokens, and a part of the expected message.
    struct Damage: CustomTestStringConvertible {
        var testDescription: String
        var offset = 0
        var bytes: [UInt8] = []
        var size: Int?
        var found: String
    }

    @Test(arguments: [
        Damage(testDescription: "truncated", size: 1040, found: "holds 1040 bytes, but its header declares 1044"),
        Damage(
            testDescription: "cut within a token", size: 1043, found: "holds 1043 bytes, but its header declares 1044"),
        Damage(testDescription: "too long", size: 1046, found: "holds 1046 bytes, but its header declares 1044"),
        Damage(
            testDescription: "cut within the header", size: 100,
            found: "holds 100 bytes, fewer than its header of 1024 bytes"),
        Damage(
            testDescription: "cut within the count", size: 10,
            found: "holds 10 bytes, fewer than its header of 1024 bytes"),
        Damage(testDescription: "cut within the magic", size: 3, found: "holds 3 bytes, too few for a magic number"),
        Damage(testDescription: "empty", size: 0, found: "holds 0 bytes, too few for a magic number"),
        Damage(
            testDescription: "llm.c weights", bytes: [0xC6, 0xD7, 0x34, 0x01], found: "magic number 20240326 at byte 0"),
        Damage(testDescription: "other magic", bytes: [1, 2, 3, 4], found: "magic number 67305985 at byte 0"),
        Damage(testDescription: "other version", offset: 4, bytes: [7], found: "version 7 at byte 4"),
        Damage(testDescription: "other width", bytes: [0xA1, 0xD9, 0x34, 0x01, 7], found: "declares 1064"),
        Damage(
            testDescription: "huge count", offset: 8, bytes: [0xFF, 0xFF, 0xFF, 0x7F],
            found: "its header declares 4294968318"),
        Damage(
            testDescription: "negative count", offset: 8, bytes: [0xFF, 0xFF, 0xFF, 0xFF], found: "-1 tokens at byte 8"),
        Damage(testDescription: "no tokens", offset: 8, bytes: [0], size: 1024, found: "0 tokens at byte 8"),
    ])
    func reportsDamage(damage: Damage) throws {
        try directory.writeShard(Array(0..<10), to: "shard.bin", format: .uint16)
        try directory.change("shard.bin", at: damage.offset, to: damage.bytes, size: damage.size)
        expectFailure(.badData, "shard.bin", damage.found) { _ = try TokenShard(checking: directory.file("shard.bin")) }
    }

    @Test func headerlessShardsMustBeAllowed() throws {
        try directory.write([1, 0, 2, 0], to: "plain.bin")
        #expect(try TokenShard(checking: directory.file("plain.bin"), allowingHeaderless: true).tokenCount == 2)
        expectFailure(.badData, "plain.bin", "20240520") { _ = try TokenShard(checking: directory.file("plain.bin")) }
        try directory.write([1, 0, 2], to: "odd.bin")
        expectFailure(.badData, "odd.bin", "3 bytes") {
            _ = try TokenShard(checking: directory.file("odd.bin"), allowingHeaderless: true)
        }
        try directory.write([], to: "empty.bin")
        expectFailure(.badData, "empty.bin", "0 bytes") {
            _ = try TokenShard(checking: directory.file("empty.bin"), allowingHeaderless: true)
        }
        // llm.c's weight files, with magic number 20240326, are not token shards.
        try directory.write([0xC6, 0xD7, 0x34, 0x01], to: "weights.bin")
        expectFailure(.badData, "weights.bin", "20240326 at byte 0") {
            _ = try TokenShard(checking: directory.file("weights.bin"), allowingHeaderless: true)
        }
    }

    @Test func rejectsFilesThatAreNotRegular() throws {
        mkfifo(directory.file("fifo.bin"), 0o644)
        try FileSystem.makeDirectory(directory.file("directory.bin"))
        for name in ["fifo.bin", "directory.bin"] {
            expectFailure(.badData, name, "regular file") { _ = try TokenShard(checking: directory.file(name)) }
        }
        expectFailure(.badData, "absent.bin") { _ = try TokenShard(checking: directory.file("absent.bin")) }
    }
}
