import Checkpoints
import Files
import Glibc
import TestSupport
import Testing

struct RunDirectoryTests {
    let directory = TemporaryDirectory()
    var run: RunDirectory { RunDirectory(directory.file("runs/nano")) }

    private func lockText() throws -> String {
        String(decoding: try FileSystem.contents(of: run.lockFile), as: UTF8.self)
    }

    @Test func createReportsPathOnFailure() throws {
        try run.create()
        try run.create()
        #expect(FileSystem.isDirectory(run.checkpoints))
        try FileSystem.replaceContents(of: directory.file("file"), with: "")
        expectFailure(.inputOutput, "file: could not create the directory") {
            try RunDirectory(directory.file("file/below")).create()
        }
    }

    @Test func lockIsExclusive() throws {
        try run.create()
        do {
            let lock = try run.lock()
            let text = try lockText()
            #expect(text.hasPrefix("host ") && text.hasSuffix(", pid \(getpid())"))
            expectFailure(.usage, "runs/nano is in use by an active run: \(text)", "--output") { _ = try run.lock() }
            #expect(try lockText() == text, "Who tried in vain has not touched the file.")
            withExtendedLifetime(lock) {}
        }
        let next = try run.lock()
        withExtendedLifetime(next) {}
    }

    @Test func reusesStaleLock() throws {
        try run.create()
        try FileSystem.replaceContents(of: run.lockFile, with: "host gone-since-long-with-a-long-name, pid 4194304")
        let lock = try run.lock()
        #expect(try lockText().hasSuffix(", pid \(getpid())"))
        #expect(try !lockText().contains("gone"))
        withExtendedLifetime(lock) {}
    }

    @Test func lockFailsWithoutDirectory() {
        expectFailure(.inputOutput, "LOCK") { _ = try run.lock() }
    }

    // MARK: Files that belong to no run

    @Test(arguments: [
        "config.yaml", "metrics.jsonl", "outcome.json", "best", "LOCK", "trace-rank-0.json", "checkpoints",
    ])
    func rejectsNamesOfOtherKindsOfFiles(name: String) throws {
        try run.create()
        do { _ = try run.lock() }
        let path = "\(run.path)/\(name)"
        try FileSystem.remove(path)
        try run.refuseForeign([])

        try FileSystem.replaceContents(of: directory.file("notes"), with: "mine")
        try #require(symlink(directory.file("notes"), path) == 0)
        expectFailure(.inputOutput, "\(path): is a symbolic link", "Move it elsewhere") { try run.refuseForeign([]) }
        try FileSystem.removeFile(path)

        // Nor may checkpoints be a link to a directory: retention would remove another run's checkpoints.
        try #require(symlink(directory.path, path) == 0)
        expectFailure(.inputOutput, "\(path): is a symbolic link") { try run.refuseForeign([]) }
        try FileSystem.removeFile(path)

        if name == "checkpoints" {
            try FileSystem.replaceContents(of: path, with: "mine")
            expectFailure(.inputOutput, "\(path): is a regular file, but a run needs a directory") {
                try run.refuseForeign([])
            }
        } else {
            try FileSystem.makeDirectory("\(path)/mine")
            expectFailure(.inputOutput, "\(path): is a directory, but a run needs a regular file") {
                try run.refuseForeign([])
            }
            #expect(FileSystem.isDirectory("\(path)/mine"))
        }
        #expect(try String(decoding: FileSystem.contents(of: directory.file("notes")), as: UTF8.self) == "mine")
    }

    @Test(arguments: ["config.yaml", "metrics.jsonl", "outcome.json", "best"])
    func rejectsFilesThatBelongToNoRun(name: String) throws {
        try run.create()
        try FileSystem.replaceContents(of: "\(run.path)/\(name)", with: "mine")
        expectFailure(.usage, "\(name) belongs to no run") { try run.refuseForeign([]) }
        // An import leaves a checkpoint and no lock file.
        try FileSystem.makeDirectory("\(run.checkpoints)/step-00000000")
        try run.refuseForeign([])
    }

    @Test func rejectsLockFileOfAnotherProgram() throws {
        try run.create()
        try FileSystem.replaceContents(of: run.lockFile, with: "pid 1")
        expectFailure(.usage, "LOCK belongs to no run") { try run.refuseForeign([]) }
        try FileSystem.replaceContents(of: run.lockFile, with: "")
        try run.refuseForeign([])
    }
}
