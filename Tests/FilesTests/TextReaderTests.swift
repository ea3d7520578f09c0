import Failures
import Glibc
import TestSupport
import Testing

@testable import Files

struct TextReaderTests {
    let directory = TemporaryDirectory()

    private func write(_ bytes: [UInt8], _ name: String = "text") throws -> String {
        try File(directory.file(name), .create).write(bytes)
        return directory.file(name)
    }

    private func text(_ path: String, chunkBytes: Int) throws -> [UInt8] {
        var reader = try TextReader(path, allowsEmpty: true)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkBytes, alignment: 8)
        defer { buffer.deallocate() }
        var text: [UInt8] = []
        while true {
            let count = try reader.read(into: buffer)
            if count == 0 { break }
            text += buffer[..<count]
        }
        #expect(reader.position == reader.byteCount)
        return text
    }

    private func lines(_ path: String) throws -> [String] {
        let reader = try LineReader(path, allowsEmpty: true)
        var lines: [String] = []
        while let line = try reader.next() { lines.append(String(decoding: line, as: UTF8.self)) }
        #expect(reader.lineNumber == lines.count)
        return lines
    }

    /// The contents of a file, its text, and its lines.
    @Test(arguments: [
        ("a\nb\n", "a\nb\n", ["a", "b"]), ("a\nb", "a\nb", ["a", "b"]), ("a\r\nb\r\n", "a\nb\n", ["a", "b"]),
        ("\u{FEFF}a\r\nb", "a\nb", ["a", "b"]), ("\u{FEFF}", "", []), ("", "", []), ("\n", "\n", [""]),
        ("\r\n\r\n", "\n\n", ["", ""]), ("a\rb\n", "a\rb\n", ["a\rb"]), ("\na\r", "\na\r", ["", "a\r"]),
        ("a\r\r\n\n\rb", "a\r\n\n\rb", ["a\r", "", "\rb"]), ("\n\r", "\n\r", ["", "\r"]), ("\r\r\n", "\r\n", ["\r"]),
        ("a\u{FEFF}\nb", "a\u{FEFF}\nb", ["a\u{FEFF}", "b"]), ("\u{2028}\u{85}", "\u{2028}\u{85}", ["\u{2028}\u{85}"]),
        ("größe 漢字 🙂\r\ne\u{301}\0x", "größe 漢字 🙂\ne\u{301}\0x", ["größe 漢字 🙂", "e\u{301}\0x"]),
    ])
    func readsTextAndLines(file: String, expected: String, expectedLines: [String]) throws {
        let path = try write(Array(file.utf8))
        for chunkBytes in [1, 2, 3, 5, 8, 1 << 12] {
            #expect(try text(path, chunkBytes: chunkBytes) == Array(expected.utf8), "\(chunkBytes)")
        }
        #expect(try lines(path).map { Array($0.utf8) } == expectedLines.map { Array($0.utf8) })
        #expect(try TextReader(path, allowsEmpty: true).textByteCount() == expected.utf8.count)
        #expect(try TextReader(path, allowsEmpty: true).isEmpty == expected.isEmpty)
        #expect(try TextReader(path, allowsEmpty: true).endsWithLineEnd() == (expected.utf8.last == 0x0A))
        #expect(try TextReader.contents(of: path, allowsEmpty: true) == Array(expected.utf8))
        var bytes = try TextReader(bytes: Array(file.utf8), name: "x", allowsEmpty: true)
        #expect(try bytes.rest() == Array(expected.utf8))
        if expected.isEmpty { expectFailure(.badData, "\(path): is empty") { _ = try LineReader(path) } }
    }

    @Test func readsLinesAcrossBuffers() throws {
        let all =
            (0..<3000).map { String(repeating: "\($0 % 10)", count: $0 % 700) } + [
                String(repeating: "x", count: 900_000)
            ]
        let path = try write(Array(all.joined(separator: "\r\n").utf8))
        #expect(try lines(path) == all)
        #expect(try TextReader(path).textByteCount() == all.joined(separator: "\n").utf8.count)
    }

    private static func wide(_ text: String, _ bytes: Int, isLittle: Bool) -> [UInt8] {
        let units = bytes == 2 ? text.utf16.map { UInt32($0) } : text.unicodeScalars.map(\.value)
        return units.flatMap { unit in
            let little = (0..<bytes).map { UInt8(truncatingIfNeeded: unit >> UInt32(8 * $0)) }
            return isLittle ? little : little.reversed()
        }
    }

    /// Contents that are not text, and words of the advice.
    static let foreign: [([UInt8], [String])] = {
        var all: [([UInt8], [String])] = []
        for text in ["a word\n", "größe", "Привет, мир\n", "你好，世界 \n", "🙂 x\n"] {
            for isLittle in [true, false] {
                let order = isLittle ? "LE" : "BE"
                all.append((wide(text, 2, isLittle: isLittle), ["UTF-16", "iconv -f UTF-16\(order) -t UTF-8"]))
                all.append((wide(text, 4, isLittle: isLittle), ["UTF-32", "iconv -f UTF-32\(order) -t UTF-8"]))
                all.append((wide("\u{FEFF}" + text, 2, isLittle: isLittle), ["UTF-16", "iconv -f UTF-16 -t UTF-8"]))
                all.append((wide("\u{FEFF}" + text, 4, isLittle: isLittle), ["UTF-32", "iconv -f UTF-32 -t UTF-8"]))
            }
        }
        return all + [
            ([0x1F, 0x8B, 8, 0], ["gzip", "gzip -dc"]), ([0x28, 0xB5, 0x2F, 0xFD, 4], ["zstd", "zstd -dc"]),
            (Array("BZh51AY&SY".utf8) + [0x9F], ["bzip2", "bzip2 -dc"]),
            ([0xFD] + Array("7zXZ".utf8) + [0, 0], ["xz", "xz -dc"]), ([0x04, 0x22, 0x4D, 0x18], ["lz4", "lz4 -dc"]),
            (Array("PK\u{3}\u{4}".utf8), ["zip", "unzip -p"]), (Array("%PDF-1.7\n".utf8), ["PDF", "pdftotext"]),
            ([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], ["Office", "plain text"]),
            (Array("PAR1".utf8) + [0x15, 4], ["Parquet", "JSON lines"]),
            ([UInt8](repeating: 0x61, count: 257) + Array("ustar\u{0}".utf8), ["tar archive", "tar -xf"]),
            (Array("version https://git-lfs.github.com/spec/v1\noid x\n".utf8), ["Git LFS", "git lfs pull"]),
            ([UInt8](repeating: 0, count: 100), ["zero bytes"]), ([0x89] + Array("PNG\r\n".utf8), ["PNG", "--images"]),
        ]
    }()

    @Test(arguments: foreign) func rejectsOtherFormatsWithAdvice(bytes: [UInt8], words: [String]) throws {
        let path = try write(bytes, "it's a file")
        let failure = try #require(#expect(throws: Failure.self) { _ = try text(path, chunkBytes: 100) })
        #expect(failure.exitCode == .badData && failure.message.hasPrefix("\(path): "))
        for word in words { #expect(failure.message.contains(word), "\(failure)") }
        if failure.message.contains(" > ") { #expect(failure.message.contains("it'\\''s a file.utf8'"), "\(failure)") }
        // Lines and bytes in memory are rejected in the same way.
        expectFailure(.badData, failure.message) { _ = try lines(path) }
        expectFailure(.badData, words[0]) {
            var reader = try TextReader(bytes: bytes, name: "name")
            _ = try reader.rest()
        }
    }

    /// Texts that begin like another format or contain a few zero bytes.
    @Test(arguments: [
        "BZh9 is a mark", "PAR1 is a name", "GIF8", "7zip", "a\0", "a\0b and no more", "%PDF", "LZIP", "Rar!", "ustar",
        "\0",
        "[\0",
    ])
    func acceptsTextThatResemblesOtherFormats(text: String) throws {
        #expect(try self.text(try write(Array(text.utf8)), chunkBytes: 8) == Array(text.utf8))
    }

    /// Files whose only line ends are CR are rejected with the command that converts them, wherever the first CR is.
    @Test(arguments: ["a\rb\rc", "a\r", "\r", "\u{FEFF}a\r\rb", "größe\t\0\r"]) func rejectsOldMacLineEnds(
        text: String
    ) throws {
        for length in [0, 5000, (1 << 20) + 4090] {
            let bytes = Array((String(repeating: "x", count: length) + text).utf8)
            let path = try write(bytes, "it's a file")
            let offset = try #require(bytes.firstIndex(of: 0x0D))
            let words = [path, "has CR (first at byte \(offset + 1)) but no LF", "tr '\\r' '\\n' < '"]
            expectFailure(.badData, words[0], words[1], words[2]) { _ = try LineReader(path, allowsEmpty: true) }
            expectFailure(.badData, words[0], words[1], words[2]) { _ = try TextReader.contents(of: path) }
            expectFailure(.badData, words[1]) { _ = try TextReader(bytes: bytes, name: "name") }
            // With one LF, at whatever position, CRs are characters.
            let mark = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
            #expect(
                try self.text(write(bytes + [0x20, 0x0A]), chunkBytes: 1 << 12) == bytes.dropFirst(mark) + [0x20, 0x0A])
        }
    }

    /// Invalid UTF-8, with the reported position and advice.
    @Test(
        arguments: [
            (
                Array("a\nbc".utf8) + [0xE9, 0x20],
                ["line 2: ", "byte 3 of the line", "0xE9 at offset 4 ", "WINDOWS-1252"]
            ),
            ([0xE9, 0x9D, 0x20], ["line 1: ", "byte 1 ", "offset 0 ", "ISO-8859-1"]),
            ([0xEF, 0xBB, 0xBF, 0x61, 0xFF], ["line 1: ", "byte 2 ", "offset 4 ", "WINDOWS-1252"]),
            (Array("größe\r\n\r\n".utf8) + [0x80, 0x61], ["line 3: ", "byte 1 ", "damaged", "iconv -c -f UTF-8"]),
            (Array("größe\n€".utf8.dropLast()), ["line 2: ", "ends within a character", "Copy it again"]),
            (Array("a\0b\0\0".utf8) + [0xFF, 0xFF], ["zero bytes", "Give a text"]),
        ] as [([UInt8], [String])])
    func rejectsInvalidUTF8WithItsPosition(bytes: [UInt8], words: [String]) throws {
        let path = try write(bytes)
        for chunkBytes in [1, 2, 3, 100] {
            let failure = try #require(#expect(throws: Failure.self) { _ = try text(path, chunkBytes: chunkBytes) })
            for word in words { #expect(failure.message.contains(word), "\(failure)") }
        }
    }

    @Test func rejectsFilesThatAreNotRegular() throws {
        try #require(mkfifo(directory.file("fifo"), 0o600) == 0)
        for (path, word) in [
            (directory.file("fifo"), "is a pipe, not a regular file"), ("/dev/null", "is a device"),
            (directory.path, "is a directory"), (directory.file("none"), "No such file"),
        ] { expectFailure(.badData, path, word) { _ = try LineReader(path) } }
    }

    @Test func detectsATruncatedFile() throws {
        let path = try write([UInt8](repeating: 0x61, count: 1 << 19))
        let reader = try LineReader(path)
        try File(path, .update).truncate(to: 1000)
        expectFailure(.badData, path, "became shorter") { _ = try reader.next() }
    }
}
