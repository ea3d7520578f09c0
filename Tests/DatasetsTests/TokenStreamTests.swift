import TestSupport
import Testing

@testable import Datasets

@Suite struct TokenStreamTests {
    let directory: TemporaryDirectory

    init() { directory = TemporaryDirectory() }

    /// The tokens 0..<count in shards of the given sizes.
    private func stream(_ sizes: [Int], vocabularySize: Int = 65_536) throws -> TokenStream {
        var next: Int32 = 0
        var shards: [TokenShard] = []
        for (index, size) in sizes.enumerated() {
            try directory.writeShard(Array(next..<next + Int32(size)), to: "\(index).bin", format: .uint16)
            shards.append(try TokenShard(checking: directory.file("\(index).bin")))
            next += Int32(size)
        }
        return TokenStream(name: "test", shards: shards, vocabularySize: vocabularySize)
    }

    @Test func readsEveryRange() throws {
        let stream = try stream([3, 1, 5, 2])
        #expect(stream.tokenCount == 11)
        for lower in 0...11 {
            for upper in lower...11 {
                #expect(try tokens(stream, lower..<upper) == (lower..<upper).map(Int32.init))
            }
        }
    }

    @Test func readsRangeLargerThanBuffer() throws {
        let stream = try stream([40_000, 25_000])
        #expect(try tokens(stream) == (0..<65_000).map(Int32.init))
    }

    @Test func readsMoreShardsThanOpenFiles() throws {
        let stream = try stream([Int](repeating: 2, count: 300))
        for _ in 0..<2 { #expect(try tokens(stream) == (0..<600).map(Int32.init)) }
    }

    @Test func reportsTokenOutsideVocabulary() throws {
        // Token 9 is the third of the second shard, at byte 1024 + 2 · 2.
        let stream = try stream([7, 5], vocabularySize: 9)
        #expect(try tokens(stream, 0..<9) == (0..<9).map(Int32.init))
        expectFailure(.badData, "1.bin", "token 9 at byte 1028", "from 0 to 8") { _ = try tokens(stream) }
    }

    @Test func reportsWideTokenOutsideVocabulary() throws {
        try directory.writeShard([5, 6, 0], to: "wide.bin", format: .uint32)
        try directory.change("wide.bin", at: 1024 + 8, to: [0xFF, 0xFF, 0xFF, 0xFF])
        let shard = try TokenShard(checking: directory.file("wide.bin"))
        let stream = TokenStream(name: "test", shards: [shard], vocabularySize: Int(Int32.max))
        expectFailure(.badData, "wide.bin", "token 4294967295 at byte 1032") { _ = try tokens(stream) }
    }

    @Test func reportsShardTruncatedDuringReading() throws {
        let stream = try stream([10])
        _ = try tokens(stream, 0..<1)
        try directory.change("0.bin", size: 1030)
        expectFailure(.badData, "0.bin", "ends at byte 1030") { _ = try tokens(stream) }
    }
}
