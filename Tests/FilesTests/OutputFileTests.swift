import Files
import Glibc
import TestSupport
import Testing

/// Output files named by the user.
struct OutputFileTests {
    let directory = TemporaryDirectory()

    private func open(_ name: String, inputs: String...) throws -> OutputFile {
        try OutputFile(directory.file(name), option: "--output", inputs: inputs.map(directory.file))
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try FileSystem.contents(of: directory.file(name)), as: UTF8.self)
    }

    private func write(_ text: String, to output: OutputFile) throws {
        try output.begin()
        try output.write(Array(text.utf8))
        try output.close()
    }

    @Test func keepsLinksNamesAndMode() throws {
        try FileSystem.replaceContents(of: directory.file("f"), with: "much longer than what comes")
        try #require(chmod(directory.file("f"), 0o640) == 0)
        try #require(link(directory.file("f"), directory.file("other name")) == 0)
        try #require(symlink("f", directory.file("link")) == 0)
        let output = try open("link")
        // The old contents are kept until writing begins.
        #expect(try text("f") == "much longer than what comes")
        try write("new\n", to: output)
        #expect(try text("other name") == "new\n")
        #expect(FileSystem.isLink(directory.file("link")))
        var status = stat()
        try #require(stat(directory.file("f"), &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o640)
    }

    @Test func createsTheTargetOfADanglingLink() throws {
        try #require(symlink("target", directory.file("link")) == 0)
        try write("text\n", to: try open("link"))
        #expect(try text("target") == "text\n")
    }

    @Test func rejectsImpossibleOutputs() throws {
        try FileSystem.makeDirectory(directory.file("d"))
        try FileSystem.replaceContents(of: directory.file("f"), with: "kept")
        try #require(symlink("circle", directory.file("circle")) == 0)
        try #require(symlink("none/f", directory.file("astray")) == 0)
        let cases = [
            ("d", "is a directory"), ("d/", "is a directory"), ("d/.", "is a directory"), ("none/", "is a directory"),
            ("circle", "form a loop"), ("astray", "does not exist"), ("none/f", "none does not exist"),
            ("f/below", "is a file, not a directory"), (String(repeating: "n", count: 256), "shorter"),
        ]
        for (name, words) in cases { expectFailure(.usage, "--output: ", words) { _ = try open(name) } }
        expectFailure(.usage, "--output is empty") { _ = try OutputFile("", option: "--output") }
        #expect(try text("f") == "kept")
        #expect(try FileSystem.list(directory.path) == ["astray", "circle", "d", "f"])
    }

    @Test func rejectsTheInputUnderAnyName() throws {
        try FileSystem.replaceContents(of: directory.file("input"), with: "kept")
        try #require(link(directory.file("input"), directory.file("hard")) == 0)
        try #require(symlink("input", directory.file("soft")) == 0)
        for name in ["input", "hard", "soft", "./input"] {
            expectFailure(.usage, "same file as the input") { _ = try open(name, inputs: "input") }
        }
        #expect(try text("input") == "kept")
    }

    /// A checkpoint that is read must not be written to, under any name.
    @Test func rejectsFilesOfAnInputDirectory() throws {
        try FileSystem.makeDirectory(directory.file("c"))
        try FileSystem.replaceContents(of: directory.file("c/weights"), with: "kept")
        try #require(link(directory.file("c/weights"), directory.file("hard")) == 0)
        try #require(symlink("c", directory.file("alias")) == 0)
        try #require(symlink("c/new", directory.file("dangling")) == 0)
        for name in ["c/weights", "c/new", "alias/weights", "alias/new", "dangling", "hard"] {
            for input in ["c", "alias"] {
                let words = name == "hard" ? "is the same file as the input" : "which the command reads"
                expectFailure(.usage, "--output: ", words) { _ = try open(name, inputs: input) }
            }
        }
        #expect(try FileSystem.list(directory.file("c")) == ["weights"])
        #expect(try text("c/weights") == "kept")
        try write("text", to: try open("cc", inputs: "c"))
        #expect(try text("cc") == "text")
    }

    @Test func detectsChangesByOtherPrograms() throws {
        func change(_ words: String, _ body: (String) throws -> Void) throws {
            let output = try open("o")
            let journal = try OutputJournal(output, work: "work")
            try journal.write(Array("one\n".utf8), lines: 1)
            try output.checkUnchanged()
            try body(directory.file("o"))
            expectFailure(.inputOutput, "o: \(words): another program") { try output.checkUnchanged() }
            expectFailure(.inputOutput, "o: \(words): another program") { try journal.complete() }
        }
        try change("has 0 bytes, but 4 were written") { try #require(truncate($0, 0) == 0) }
        try change("has 5 bytes, but 4 were written") { try File($0, .append).write("x") }
        try change("was replaced by another file") { try FileSystem.replaceContents(of: $0, with: "one\n") }
        try change("was removed") { try FileSystem.removeFile($0) }
        // The same command then writes all lines.
        #expect(try run(["one", "two"], until: 2) == 0)
        #expect(try text("o") == "one\ntwo\n")
    }

    /// Files of /proc cannot be written at an offset.
    @Test func writesToFilesOfProc() throws {
        let output = try OutputFile("/proc/self/timerslack_ns", option: "--output")
        #expect(!output.isRegular)
    }

    @Test func rejectsASecondCommand() throws {
        let first = try open("f")
        expectFailure(.usage, "another dtrain") { _ = try open("f") }
        try write("first\n", to: first)
        try write("second\n", to: try open("f"))
        #expect(try text("f") == "second\n")
    }

    @Test func removesAnUnusedNewOutput() throws {
        try #require(symlink("target", directory.file("link")) == 0)
        try FileSystem.replaceContents(of: directory.file("old"), with: "kept")
        for name in ["new", "link", "old"] { _ = try open(name) }
        #expect(try FileSystem.list(directory.path) == ["link", "old"])
        #expect(try text("old") == "kept")
    }

    @Test func writesToPipes() throws {
        try #require(mkfifo(directory.file("pipe"), 0o600) == 0)
        // Without a reader, the user is told to start one and may stop the program.
        var told: [String] = []
        var polls = 0
        expectFailure(.stopped, "pipe") {
            _ = try OutputFile(
                directory.file("pipe"), option: "--output", waiting: { told.append($0) },
                shouldStop: {
                    polls += 1
                    return polls == 3
                })
        }
        #expect(told.count == 1)
        let reader = Glibc.open(directory.file("pipe"), O_RDONLY | O_NONBLOCK)
        try #require(reader >= 0)
        defer { close(reader) }
        let output = try open("pipe")
        #expect(!output.isRegular)
        try write("through\n", to: output)
        var bytes = [UInt8](repeating: 0, count: 100)
        #expect(read(reader, &bytes, bytes.count) == 8)
        var status = stat()
        #expect(lstat(directory.file("pipe"), &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
    }

    @Test func writesToDevicesAndDescriptors() throws {
        expectFailure(.inputOutput, "/dev/full", "No space left") {
            try write("text\n", to: try OutputFile("/dev/full", option: "--output"))
        }
        try write("text\n", to: try OutputFile("/dev/null", option: "--output"))
        let file = Glibc.open(directory.file("f"), O_WRONLY | O_CREAT | O_APPEND, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        for line in ["one\n", "two\n"] { try write(line, to: try OutputFile("/dev/fd/\(file)", option: "--output")) }
        #expect(try text("f") == "one\ntwo\n")
        let input = Glibc.open(directory.file("f"), O_RDONLY)
        defer { close(input) }
        for path in ["/dev/fd/\(input)", "/proc/self/fd/999999"] {
            expectFailure(.usage, path, "not open for writing") { _ = try OutputFile(path, option: "--output") }
        }
    }

    // MARK: Continuing

    /// Writes the lines before `end`, then stops like a command that is killed there; returns the lines found at the
    /// start.
    private func run(_ lines: [String], until end: Int, work: String = "work") throws -> Int {
        let output = try open("o")
        let journal = try OutputJournal(output, work: work)
        for line in lines[min(journal.linesDone, end)..<end] { try journal.write(Array((line + "\n").utf8), lines: 1) }
        if end == lines.count { try journal.complete() }
        return journal.linesDone
    }

    private let lines = ["alpha", "", "größe", "delta"]
    private var whole: String { lines.map { $0 + "\n" }.joined() }

    @Test(arguments: [0, 1, 2, 3])
    func resumesInterruptedOutput(end: Int) throws {
        #expect(try run(lines, until: end) == 0)
        // As if the kill came while the next line, and then its journal entry, was being written.
        try File(directory.file("o"), .append).write("torn")
        let journal = try #require(FileSystem.list(directory.path).first { $0 != "o" })
        try File(directory.file(journal), .append).write("9 12")
        #expect(try run(lines, until: lines.count) == end)
        #expect(try text("o") == whole)
        #expect(try FileSystem.list(directory.path) == ["o"])
    }

    @Test func startsOverForOtherWork() throws {
        _ = try run(lines, until: 2)
        #expect(try run(["x", "y"], until: 2, work: "other") == 0)
        #expect(try text("o") == "x\ny\n")
    }

    @Test func startsOverIfTheOutputWasChanged() throws {
        for change in ["", "ALPHA\n\n", "alpha"] {
            _ = try run(lines, until: 2)
            try FileSystem.replaceContents(of: directory.file("o"), with: change)
            #expect(try run(lines, until: lines.count) == 0, "\(change)")
            #expect(try text("o") == whole)
        }
    }

    @Test func supportsTheLongestName() throws {
        let output = try open(String(repeating: "n", count: 255))
        let journal = try OutputJournal(output, work: "work")
        try journal.write(Array("line\n".utf8), lines: 1)
        #expect(try FileSystem.list(directory.path).count == 2)
        try journal.complete()
        #expect(try FileSystem.list(directory.path).count == 1)
    }
}
