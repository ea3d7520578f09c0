import Files
import Glibc
import TestSupport
import Testing
import Texts

/// File names that are not UTF-8, canonically equivalent to others, or not printable.
struct SystemPathTests {
    let directory = TemporaryDirectory()

    static let names: [[UInt8]] = [
        [0xFF], [0xC0, 0xAE], [0xED, 0xB3, 0xBF], Array("\u{10FFFF}".utf8), Array("a\nb".utf8), Array("\u{301}".utf8),
        Array("\u{E9}".utf8), Array("e\u{301}".utf8), Array("\u{212B}".utf8), Array("\u{C5}".utf8),
    ]

    /// Returns whether `name` exists in the directory, using the system call directly.
    private func exists(_ name: [UInt8]) -> Bool {
        let path = (Array((directory.path + "/").utf8) + name).map(CChar.init(bitPattern:)) + [0]
        return access(path, F_OK) == 0
    }

    @Test(arguments: names)
    func everyOperationUsesTheExactBytes(name: [UInt8]) throws {
        let path = directory.file(PathText.text(of: name))
        try FileSystem.makeDirectory(path + "/deep")
        #expect(exists(name))
        #expect(FileSystem.isDirectory(path) && FileSystem.exists(path) && !FileSystem.isLink(path))
        #expect(FileSystem.parent(of: path + "/\u{301}deep").exact == path.exact)
        try FileSystem.replaceContents(of: path + "/" + PathText.text(of: name), with: "text")
        #expect(try FileSystem.list(path).map(PathText.bytes).contains(name))
        #expect(try FileSystem.contents(of: path + "/" + PathText.text(of: name)) == Array("text".utf8))
        try FileSystem.copy(path + "/" + PathText.text(of: name), to: path + "/deep/copy")
        try FileSystem.rename(path, to: directory.file("moved"))
        #expect(!exists(name))
        try FileSystem.rename(directory.file("moved"), to: path)
        #expect(try FileSystem.freeBytes(in: path) > 0)
        try FileSystem.remove(path)
        #expect(!exists(name))
        #expect(try FileSystem.list(directory.path).isEmpty)
    }

    @Test func listsInByteOrder() throws {
        let sorted = Self.names.map { PathText.text(of: $0) }.sortedExactly().map(PathText.bytes)
        for (index, order) in [Self.names, Self.names.reversed()].enumerated() {
            let parent = directory.file("\(index)")
            for name in order { try FileSystem.makeDirectory(parent + "/" + PathText.text(of: name)) }
            #expect(try FileSystem.list(parent).map(PathText.bytes) == sorted)
        }
    }

    @Test func messagesEscapeBytesAndZerosDoNotTruncatePaths() throws {
        expectFailure(.badData, #"caf\xE9: could not open"#) {
            _ = try FileSystem.contents(of: directory.file(PathText.text(of: Array("caf".utf8) + [0xE9])))
        }
        try FileSystem.replaceContents(of: directory.file("a"), with: "")
        #expect(!FileSystem.exists(directory.file("a\0b")))
    }

    @Test func roundTripsInJSON() throws {
        let path = PathText.text(of: [0x61, 0xFF, 0x22])
        let line = JSON.string(path).line
        #expect(line == #""a\udbff\udfff\"""#)
        #expect(try JSON(parsing: Array(line.utf8), source: "test").stringValue?.exact == path.exact)
    }
}
