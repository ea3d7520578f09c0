import Failures
import Files
import Glibc
import TestSupport
import Testing

struct FileSystemTests {
    let directory = TemporaryDirectory()

    private func text(_ name: String) throws -> String {
        String(decoding: try FileSystem.contents(of: directory.file(name)), as: UTF8.self)
    }

    @Test(arguments: [
        ("a/b", "a"), ("a/b/", "a"), ("a/b//", "a"), ("a", "."), ("a/", "."), ("/a", "/"), ("/a/", "/"), ("/", "/"),
        ("", "."),
    ])
    func returnsParentDirectory(path: String, expected: String) {
        #expect(FileSystem.parent(of: path) == expected)
    }

    @Test func createsMissingParentsAndAcceptsExistingDirectories() throws {
        for path in ["a/b/c", "a/b/c", "a/b/d/"] {
            try FileSystem.makeDirectory(directory.file(path))
            #expect(FileSystem.isDirectory(directory.file(path)))
        }
        try FileSystem.replaceContents(of: directory.file("file"), with: "")
        expectFailure(.inputOutput, "file") { try FileSystem.makeDirectory(directory.file("file")) }
        expectFailure(.inputOutput, "file: could not create the directory") {
            try FileSystem.makeDirectory(directory.file("file/below"))
        }
    }

    @Test func listsNamesInOrder() throws {
        for name in ["b", ".hidden", "a"] { try FileSystem.makeDirectory(directory.file(name)) }
        #expect(try FileSystem.list(directory.path) == [".hidden", "a", "b"])
        expectFailure(.badData, "absent") { _ = try FileSystem.list(directory.file("absent")) }
    }

    @Test func removesTreesWithoutFollowingLinks() throws {
        try FileSystem.makeDirectory(directory.file("kept"))
        try FileSystem.replaceContents(of: directory.file("kept/file"), with: "kept")
        try FileSystem.makeDirectory(directory.file("tree/branch"))
        try FileSystem.replaceContents(of: directory.file("tree/branch/leaf"), with: "")
        try #require(symlink(directory.file("kept"), directory.file("tree/branch/link")) == 0)
        try FileSystem.remove(directory.file("tree"))
        try FileSystem.remove(directory.file("tree"))
        #expect(try FileSystem.list(directory.path) == ["kept"])
        #expect(try text("kept/file") == "kept")
    }

    @Test func replacesAtomically() throws {
        let path = directory.file("f")
        try FileSystem.replaceContents(of: path, with: "old")
        try FileSystem.replaceContents(of: path, with: "new")
        #expect(try text("f") == "new")
        let failure = Failure(.internalError, "stopped half-way")
        #expect(throws: failure) {
            try FileSystem.replaceContents(of: path) { (file: borrowing File) throws(Failure) in
                try file.write("half of the")
                throw failure
            }
        }
        #expect(try text("f") == "new")
        #expect(try FileSystem.list(directory.path) == ["f"])
    }

    @Test func newFilesAndDirectoriesMustNotExist() throws {
        try FileSystem.makeNewDirectory(directory.file("a"))
        expectFailure(.inputOutput, "a: could not create", "exists") {
            try FileSystem.makeNewDirectory(directory.file("a"))
        }
        expectFailure(.inputOutput) { try FileSystem.makeNewDirectory(directory.file("b/c")) }
        try FileSystem.replaceContents(of: directory.file("f"), with: "f")
        try FileSystem.copy(directory.file("f"), to: directory.file("g"))
        #expect(try text("g") == "f")
        expectFailure(.inputOutput, "g: could not open", "exists") {
            try FileSystem.copy(directory.file("f"), to: directory.file("g"))
        }
    }

    @Test func removeFileKeepsDirectories() throws {
        try FileSystem.replaceContents(of: directory.file("f"), with: "")
        try FileSystem.removeFile(directory.file("f"))
        try FileSystem.removeFile(directory.file("f"))
        try FileSystem.makeDirectory(directory.file("d"))
        expectFailure(.inputOutput, "d: could not remove") { try FileSystem.removeFile(directory.file("d")) }
        #expect(try FileSystem.list(directory.path) == ["d"])
        expectFailure(.inputOutput, "d/below", "Not a directory") {
            try FileSystem.replaceContents(of: directory.file("f"), with: "")
            try FileSystem.remove(directory.file("f/d/below"))
        }
    }

    @Test func rejectsFilesAboveTheLimit() throws {
        try FileSystem.replaceContents(of: directory.file("f"), with: "12345")
        #expect(try FileSystem.contents(of: directory.file("f"), limitBytes: 5).count == 5)
        expectFailure(.badData, "5 bytes", "the limit for such a file is 4.") {
            _ = try FileSystem.contents(of: directory.file("f"), limitBytes: 4)
        }
    }

    /// A path that cannot be accessed is not reported as missing.
    @Test func absenceIsDistinguishedFromErrors() throws {
        let path = directory.file("f")
        #expect(try !FileSystem.isPresent(path))
        try FileSystem.replaceContents(of: path, with: "x")
        #expect(try FileSystem.isPresent(path) && !FileSystem.isPresentDirectory(path))
        #expect(try FileSystem.isPresentDirectory(directory.path))
        #expect(try !FileSystem.isPresent(path + "/below"))
        #expect(FileSystem.reasonForAbsence(of: path + "/below/g") == ": \(path) is not a directory")
        #expect(FileSystem.reasonForAbsence(of: directory.file("none/g")) == "")
        #expect(try FileSystem.kind(of: path) == .regularFile && FileSystem.kind(of: path + "/below") == nil)

        try #require(symlink("nowhere", directory.file("dangling")) == 0)
        #expect(try !FileSystem.isPresent(directory.file("dangling")))
        #expect(FileSystem.reasonForAbsence(of: directory.file("dangling")).contains("symbolic link"))
        #expect(try FileSystem.kind(of: directory.file("dangling")) == .link)
        try #require(symlink("circle", directory.file("circle")) == 0)
        for path in [directory.file("circle"), directory.file("circle/below")] {
            expectFailure(.inputOutput, path, "could not inspect: Too many levels of symbolic links") {
                _ = try FileSystem.isPresent(path)
            }
        }
        expectFailure(.badData, "File name too long") {
            _ = try FileSystem.isPresentDirectory(directory.file(String(repeating: "n", count: 300)))
        }
        // Root may access every directory.
        guard geteuid() != 0 else { return }
        try FileSystem.makeDirectory(directory.file("closed"))
        try #require(chmod(directory.file("closed"), 0) == 0)
        defer { chmod(directory.file("closed"), 0o700) }
        expectFailure(.inputOutput, "closed/f: could not inspect: Permission denied") {
            _ = try FileSystem.isPresent(directory.file("closed/f"))
        }
    }

    /// The system reports the size 0 for files of /proc.
    @Test func readsFilesWithoutASize() throws {
        let version = try FileSystem.contents(of: "/proc/version")
        #expect(String(decoding: version, as: UTF8.self).hasPrefix("Linux"))
        #expect(try TextReader.contents(of: "/proc/version") == version)
        #expect(try LineReader.lines(of: "/proc/version").count == 1)
        expectFailure(.badData, "/proc/version: has more than 3 bytes") {
            _ = try FileSystem.contents(of: "/proc/version", limitBytes: 3)
        }
    }
}
