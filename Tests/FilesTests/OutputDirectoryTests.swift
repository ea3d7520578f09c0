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
                try OutputDirectory.refuse(names, in: "made", "make")
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
        expectFailure(.usage, "make: --output: made holds part, which no make has written. Choose a new") {
            _ = try claim()
        }
    }

    @Test func keepsFilesOfTheUser() throws {
        try FileSystem.makeDirectory(path)
        try put("part", "noted", "a", "b", "c", ".hidden")
        expectFailure(.usage, "holds a, b, c and 2 more") { _ = try claim() }
        #expect(try FileSystem.list(path) == [".hidden", "a", "b", "c", "noted", "part"])
    }

    @Test func rejectsASecondCommand() throws {
        let first = try claim()
        expectFailure(.usage, "another dtrain make") { _ = try claim() }
        try first.discard()
        #expect(!FileSystem.exists(path))
    }

    /// Directories that were created for a failed command are removed, including parents; existing directories and
    /// those that are no longer empty are kept.
    @Test func removesDirectoriesOfFailedCommand() throws {
        let deep = directory.file("a/b/c")
        func claim() throws -> OutputDirectory {
            try OutputDirectory(
                claiming: deep,
                .init(markerName: "unfinished", command: "dtrain make", isLeftover: { $0 == "part" }) { _ in })
        }
        try FileSystem.replaceContents(of: FileSystem.makeDirectory(directory.file("other"))[0] + "/kept", with: "")
        for end in [true, false] {
            let claimed = try claim()
            try FileSystem.replaceContents(of: "\(deep)/part", with: "text")
            if end {
                try claimed.discard()
                #expect(try FileSystem.list(directory.path) == ["other"])
            } else {
                try claimed.abandon()
                #expect(try FileSystem.list(deep) == ["part"])
                try FileSystem.remove(directory.file("a"))
            }
        }
        try FileSystem.makeDirectory(directory.file("a/b"))
        try claim().discard()
        #expect(try FileSystem.list(directory.file("a")) == ["b"])
        // A parent of a directory that cannot be created.
        expectFailure(.inputOutput, "name") {
            try FileSystem.makeDirectory(directory.file("new/name" + String(repeating: "x", count: 300)))
        }
        #expect(try FileSystem.list(directory.path) == ["a", "other"])
    }

    @Test func rejectsFilesAndDanglingLinks() throws {
        try FileSystem.replaceContents(of: path, with: "the user's")
        expectFailure(.inputOutput, "made", "a file has that name") { _ = try claim() }
        try FileSystem.remove(path)
        try #require(symlink("nowhere", path) == 0)
        expectFailure(.inputOutput, "made", "does not lead to a directory") { _ = try claim() }
        #expect(FileSystem.isLink(path))
    }

    private func drop(_ directory: consuming OutputDirectory) {}
}
