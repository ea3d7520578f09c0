import Files
import Glibc
import TestSupport
import Testing

/// Files are replaced atomically, and no other file in the directory is touched.
struct ReplacingTests {
    let directory = TemporaryDirectory()

    private func text(_ name: String) throws -> String {
        String(decoding: try FileSystem.contents(of: directory.file(name)), as: UTF8.self)
    }

    private func replace(_ name: String, _ text: String) throws {
        try FileSystem.replaceContents(of: directory.file(name), with: text)
    }

    @Test func keepsFilesWithSimilarNames() throws {
        let names = ["f.new", "f.tmp", ".f.tmp", "f~", ".dtrain-0123.tmp", ".dtrain-00112233445566778.tmp"]
        for name in names { try replace(name, "the user's") }
        try replace("f", "first")
        try replace("f", "second")
        try FileSystem.removeTemporaryFiles(in: directory.path)
        #expect(try text("f") == "second")
        for name in names { #expect(try text(name) == "the user's") }
        #expect(try FileSystem.list(directory.path).count == names.count + 1)
    }

    @Test func replacesTheTargetOfLinks() throws {
        try FileSystem.makeDirectory(directory.file("elsewhere"))
        try #require(symlink("elsewhere/target", directory.file("first")) == 0)
        try #require(symlink(directory.file("first"), directory.file("second")) == 0)
        // The target does not exist yet.
        try replace("second", "one")
        #expect(try text("elsewhere/target") == "one")
        try replace("first", "two")
        #expect(try text("elsewhere/target") == "two")
        #expect(FileSystem.isLink(directory.file("first")) && FileSystem.isLink(directory.file("second")))
        #expect(try FileSystem.list(directory.file("elsewhere")) == ["target"])
        try #require(symlink("circle", directory.file("circle")) == 0)
        expectFailure(.inputOutput, "circle", "form a loop") { try replace("circle", "") }
    }

    @Test func linksAreRejectedOnRequest() throws {
        try replace("target", "mine")
        try #require(symlink("target", directory.file("link")) == 0)
        expectFailure(.inputOutput, "link: is a symbolic link") {
            try FileSystem.replaceContents(of: directory.file("link"), with: "other", followingLinks: false)
        }
        #expect(try text("target") == "mine" && FileSystem.isLink(directory.file("link")))
    }

    @Test func replacesRegularFilesOnly() throws {
        try #require(mkfifo(directory.file("pipe"), 0o600) == 0)
        try FileSystem.makeDirectory(directory.file("directory"))
        for name in ["pipe", "directory"] {
            expectFailure(.inputOutput, name, "not a regular file") { try replace(name, "") }
        }
        #expect(try FileSystem.list(directory.path) == ["directory", "pipe"])
    }

    @Test(arguments: [0o640, 0o604, 0o400] as [mode_t])
    func keepsTheMode(mode: mode_t) throws {
        try replace("f", "old")
        try #require(chmod(directory.file("f"), mode) == 0)
        try replace("f", "new")
        var status = stat()
        try #require(stat(directory.file("f"), &status) == 0)
        #expect(status.st_mode & 0o7777 == mode)
        #expect(try text("f") == "new")
    }

    @Test func supportsTheLongestName() throws {
        let name = String(repeating: "n", count: 255)
        try replace(name, "text")
        #expect(try text(name) == "text")
    }

    @Test func removesTemporaryFilesThatAreNotInUse() throws {
        let (left, written) = (
            FileSystem.temporaryPath(in: directory.path), FileSystem.temporaryPath(in: directory.path)
        )
        _ = try File(left, .new)
        let file = try File(written, .new)
        try #require(try file.tryLock())
        try FileSystem.removeTemporaryFiles(in: directory.path)
        #expect(!FileSystem.exists(left))
        #expect(FileSystem.exists(written))
        try file.close()
    }
}
