import Failures
import Files
import Glibc
import TestSupport
import Testing

struct FileTests {
    let directory = TemporaryDirectory()

    private func write(_ text: String, _ name: String, _ mode: File.Mode = .create) throws {
        try File(directory.file(name), mode).write(text)
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try FileSystem.contents(of: directory.file(name)), as: UTF8.self)
    }

    @Test func modesTruncateAppendOrKeep() throws {
        try write("first", "f")
        try write("second", "f")
        #expect(try text("f") == "second")
        try write(" third", "f", .append)
        #expect(try text("f") == "second third")
        try write("SEC", "f", .update)
        #expect(try text("f") == "SECond third")
        try File(directory.file("f"), .update).truncate(to: 3)
        #expect(try text("f") == "SEC")
        try write("new", "made by update", .update)
        #expect(try text("made by update") == "new")
    }

    @Test func newModeKeepsExistingFiles() throws {
        try write("first", "new", .new)
        try #require(symlink(directory.file("nowhere"), directory.file("link")) == 0)
        try #require(mkfifo(directory.file("fifo"), 0o600) == 0)
        try FileSystem.makeDirectory(directory.file("directory"))
        for name in ["new", "link", "fifo", "directory"] {
            expectFailure(.inputOutput, name, "exists") { try write("second", name, .new) }
        }
        #expect(try text("new") == "first")
        #expect(!FileSystem.exists(directory.file("nowhere")))
    }

    /// Only /proc reports the process's umask without changing it.
    @Test func permissionsFollowTheUmask() throws {
        let status = try #require(FileSystem.systemText("/proc/self/status"))
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("Umask:") })
        let umask = try #require(mode_t(line.split(separator: "\t")[1], radix: 8))
        _ = try File(directory.file("f"), .new)
        _ = try File(directory.file("private"), .new, isPrivate: true)
        try FileSystem.makeDirectory(directory.file("d"))
        #expect(mode("f") == 0o666 & ~umask)
        #expect(mode("private") == 0o600 & ~umask)
        #expect(mode("d") == 0o777 & ~umask)
    }

    private func mode(_ name: String) -> mode_t {
        var status = stat()
        #expect(stat(directory.file(name), &status) == 0)
        return status.st_mode & 0o777
    }

    @Test func closesDescriptorOnce() throws {
        let file = try File(directory.file("f"), .new)
        try file.write("all of it")
        try file.close()
        #expect(try text("f") == "all of it")
        // The next file gets the descriptor number that was closed; it must stay open.
        let next = try File(directory.file("f"), .update)
        try next.write("ALL")
        try next.synchronize()
        #expect(try text("f") == "ALL of it")
    }

    @Test func readsAndWritesAtOffsets() throws {
        try write("0123456789", "f")
        let file = try File(directory.file("f"), .update)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 1)
        defer { buffer.deallocate() }
        try file.read(into: buffer, at: 3)
        #expect(Array(buffer) == Array("3456".utf8))
        try file.write(UnsafeRawBufferPointer(buffer), at: 0)
        #expect(try text("f") == "3456456789")
        #expect(try file.readSome(into: buffer, at: 8) == 2)
        #expect(try file.size() == 10)
        expectFailure(.badData, "ends at byte 10", "4 bytes at offset 8") { try file.read(into: buffer, at: 8) }
    }

    @Test func readingSpecialFilesIsBadData() throws {
        expectFailure(.badData, "absent", "No such file") { _ = try File(directory.file("absent"), .read) }
        expectFailure(.badData, "not a regular file") { _ = try File(directory.path, .read) }
        let long = String(repeating: "n", count: 256)
        expectFailure(.badData, "too long") { _ = try File(directory.file(long), .read) }
        try #require(mkfifo(directory.file("fifo"), 0o600) == 0)
        expectFailure(.badData, "not a regular file") { _ = try File(directory.file("fifo"), .read) }
    }

    @Test func writingToImpossiblePathsIsInputOutput() throws {
        try write("", "file")
        let modes: [File.Mode] = [.create, .append, .update]
        for mode in modes {
            expectFailure(.inputOutput, "could not open") { _ = try File(directory.file("file/below"), mode) }
            expectFailure(.inputOutput, "could not open") { _ = try File(directory.file("absent/below"), mode) }
            expectFailure(.inputOutput) { _ = try File(directory.path, mode) }
            expectFailure(.inputOutput) { _ = try File("/dev/full", mode) }
        }
    }

    @Test func followsLinksOnlyIfAllowed() throws {
        try write("behind", "target")
        try #require(symlink(directory.file("target"), directory.file("link")) == 0)
        #expect(try text("link") == "behind")
        let modes: [(File.Mode, ExitCode)] = [(.read, .badData), (.create, .inputOutput), (.update, .inputOutput)]
        for (mode, exitCode) in modes {
            expectFailure(exitCode, "symbolic link") {
                _ = try File(directory.file("link"), mode, followingLinks: false)
            }
        }
        #expect(try text("target") == "behind")
    }

    @Test func lockLastsUntilTheFileIsClosed() throws {
        let path = directory.file("lock")
        do {
            let holder = try File(path, .update)
            #expect(try holder.tryLock())
            #expect(try holder.tryLock())
            let other = try File(path, .update)
            #expect(try !other.tryLock())
        }
        let successor = try File(path, .update)
        #expect(try successor.tryLock())
    }
}
