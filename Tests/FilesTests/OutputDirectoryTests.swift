import Failures
import Files
import Glibc
import TestSupport
import Testing

/// Claiming, completing and discarding an output directory.
struct OutputDirectoryTests {
    let directory = TemporaryDirectory()
    private var path: String { directory.file("made") }

    private func claim() throws -> OutputDirectory {
        try OutputDirectory(
            claiming: path,
            .init(markerName: "unfinished", command: "dtrain make", isLeftover: { $0 == "part" }) {
                names throws(Failure) in
                if !names.isEmpty { throw Failure(.usage, "holds \(OutputDirectory.enumerate(names))") }
            })
    }

    private func put(_ names: String...) throws {
        for name in names { try FileSystem.replaceContents(of: "\(path)/\(name)", with: "text") }
    }

    @Test func removesLeftoversOfAnInterruptedCommand() throws {
        let first = try claim()
        try first.willWrite(["noted"])
        try put("part", "noted")
        try FileSystem.makeDirectory(FileSystem.temporaryPath(in: path))
        // As after a kill: the lock is released, the marker remains.
        drop(first)
        let second = try claim()
        #expect(try FileSystem.list(path) == ["unfinished"])
        try put("part")
        try second.complete()
        #expect(try FileSystem.list(path) == ["part"])
        expectFailure(.usage, "holds part") { _ = try claim() }
    }

    @Test func keepsFilesOfTheUser() throws {
        try FileSystem.makeDirectory(path)
        try put("part", "noted", "a", "b", "c")
        expectFailure(.usage, "holds a, b, c and 2 more") { _ = try claim() }
        #expect(try FileSystem.list(path) == ["a", "b", "c", "noted", "part"])
    }

    @Test func rejectsASecondCommand() throws {
        let first = try claim()
        expectFailure(.usage, "another dtrain make") { _ = try claim() }
        try first.discard()
        #expect(try FileSystem.list(path) == [])
    }

    @Test func rejectsFilesAndDanglingLinks() throws {
        try FileSystem.replaceContents(of: path, with: "the user's")
        expectFailure(.inputOutput, "made", "a file has that name") { _ = try claim() }
        try FileSystem.remove(path)
        try #require(symlink("nowhere", path) == 0)
        expectFailure(.inputOutput, "made", "leads to no directory") { _ = try claim() }
        #expect(FileSystem.isLink(path))
    }

    private func drop(_ directory: consuming OutputDirectory) {}
}
