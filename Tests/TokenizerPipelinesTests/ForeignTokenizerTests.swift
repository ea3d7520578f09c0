import Files
import Glibc
import TestSupport
import Testing

@testable import TokenizerPipelines

/// Tokenizers of every kind that `Tests/Scripts/tokenizers` trains with the Python package, and many texts.
///
/// The script sets `DTRAIN_FOREIGN_TOKENIZERS` to their directory; without it there is nothing to test.
@Suite(.enabled(if: getenv("DTRAIN_FOREIGN_TOKENIZERS") != nil), .serialized) struct ForeignTokenizerTests {
    private let directory = String(cString: getenv("DTRAIN_FOREIGN_TOKENIZERS"))

    private func names() throws -> [String] {
        try FileSystem.list(directory).filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }

    private func pipeline(_ name: String) throws -> TokenizerPipeline {
        let path = "\(directory)/\(name).json"
        return try TokenizerFile(parsing: try FileSystem.contents(of: path), source: path).pipeline()
    }

    private func encode(
        _ pipeline: TokenizerPipeline, _ text: ArraySlice<UInt8>, continues: Bool = false, findsSpecial: Bool = false
    ) -> [Int32] {
        var tokens: [Int32] = []
        text.withUnsafeBufferPointer {
            pipeline.encode($0, continues: continues, findsSpecial: findsSpecial, into: &tokens)
        }
        return tokens
    }

    /// Numbers and bytes of a file of `foreign.py`, one after another.
    private struct Records {
        private let bytes: [UInt8]
        private var place = 0

        init(_ path: String) throws { bytes = try FileSystem.contents(of: path, limitBytes: 1 << 30) }

        var hasMore: Bool { place < bytes.count }

        private mutating func integer<Integer: FixedWidthInteger>(_: Integer.Type) -> Integer {
            defer { place += MemoryLayout<Integer>.size }
            return bytes.withUnsafeBytes {
                Integer(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: Integer.self))
            }
        }

        mutating func tokens() -> [Int32] { (0..<integer(UInt32.self)).map { _ in Int32(integer(UInt16.self)) } }

        /// nil if there are none.
        mutating func text() -> ArraySlice<UInt8>? {
            let count = Int(integer(Int32.self))
            if count < 0 { return nil }
            defer { place += count }
            return bytes[place..<place + count]
        }
    }

    /// Encodings with and without special tokens, decodings, and encodings of texts that are cut in two.
    @Test func equalTheLibrary() throws {
        for name in try names() {
            let pipeline = try pipeline(name)
            let own = "\(directory)/\(name).texts.bin"
            var texts = try Records(try FileSystem.isPresent(own) ? own : "\(directory)/texts.bin")
            var records = try Records("\(directory)/\(name).bin")
            var (count, cuts) = (0, 0)
            var differences: [String] = []
            while texts.hasMore, let text = texts.text() {
                count += 1
                func compare<Value: Equatable>(_ what: String, _ found: Value, _ expected: Value) {
                    if found == expected { return }
                    differences.append(
                        "\(what) of \(String(decoding: text, as: UTF8.self).debugDescription.prefix(200))")
                }
                let plain = encode(pipeline, text)
                let inner = encode(pipeline, text, findsSpecial: true)
                let special = pipeline.frame.flatMap { $0.map { [$0] } ?? inner }
                compare("tokens", plain, records.tokens())
                compare("tokens with special ones", special, records.tokens())
                compare("decoding", pipeline.decode(plain, keepsSpecial: false), Array(records.text() ?? text))
                compare(
                    "decoding with special", pipeline.decode(special, keepsSpecial: true), Array(records.text() ?? text)
                )
                guard let cut = text.withUnsafeBufferPointer({ pipeline.cut($0) }), cut > 0 else { continue }
                cuts += 1
                let place = text.startIndex + cut
                let (start, rest) = (text[..<place], text[place...])
                compare("tokens of parts", encode(pipeline, start) + encode(pipeline, rest, continues: true), plain)
            }
            #expect(!records.hasMore && count > 0)
            #expect(differences.count == 0, "\(name): \(differences.count) differ: \(differences.prefix(5))")
            print("\(name): \(count) texts, \(cuts) of them cut in two; \(differences.count) differences")
        }
    }

    /// Writes how fast the tokenizers are, with one and two threads, for `foreign.py` to print.
    @Test func speed() async throws {
        let text = try FileSystem.contents(of: "\(directory)/speed.txt")
        var parts: [ArraySlice<UInt8>] = []
        let lines = text.split(separator: 0x0A, omittingEmptySubsequences: false)
        for first in stride(from: 0, to: lines.count, by: 200) {
            parts.append(text[lines[first].startIndex..<lines[min(first + 200, lines.count) - 1].endIndex])
        }
        var rows: [JSON] = []
        for name in try names() where !name.hasSuffix(".marked") {
            let pipeline = try pipeline(name)
            for part in parts.prefix(20) { _ = encode(pipeline, part) }
            for threads in 1...2 {
                let clock = ContinuousClock()
                let start = clock.now
                await withTaskGroup(of: Void.self) { group in
                    for thread in 0..<threads {
                        group.addTask { [parts] in
                            for index in stride(from: thread, to: parts.count, by: threads) {
                                _ = self.encode(pipeline, parts[index])
                            }
                        }
                    }
                }
                let seconds = (clock.now - start) / .seconds(1)
                rows.append([
                    "program": "dtrain", "kind": .string(name), "threads": .integer(threads),
                    "megabytes_per_second": .number(Double(text.count) / 1e6 / seconds),
                ])
            }
        }
        let path = "\(directory)/speed.jsonl"
        let old = try FileSystem.isPresent(path) ? try FileSystem.contents(of: path) : []
        let new = rows.map { $0.line + "\n" }.joined()
        try FileSystem.replaceContents(of: path, with: String(decoding: old, as: UTF8.self) + new)
    }
}
