import Checkpoints
import Failures
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
        expectFailure(.inputOutput, "file: could not make the directory") {
            try RunDirectory(directory.file("file/below")).create()
        }
    }

    @Test func lockIsExclusive() throws {
        try run.create()
        do {
            let lock = try run.lock()
            let text = try lockText()
            #expect(text.hasPrefix("host ") && text.hasSuffix(", pid \(getpid())"))
            expectFailure(.usage, "runs/nano is in use by a living run: \(text)", "--output") { _ = try run.lock() }
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
}
