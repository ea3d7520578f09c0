import Checkpoints
import Files
import Glibc
import TestSupport
import Testing

struct MetricsLogTests {
    let directory = TemporaryDirectory()
    var path: String { directory.file("metrics.jsonl") }

    private func text() throws -> String { String(decoding: try FileSystem.contents(of: path), as: UTF8.self) }

    @Test func appendsOneLinePerObject() throws {
        do {
            let log = try MetricsLog(path)
            try log.append(["step": 1, "loss": 0.1, "gradient_norm": .number(.nan), "loss_scale": .number(.infinity)])
        }
        let log = try MetricsLog(path)
        try log.append(["step": 2, "loss": .number(1.0 / 3)])
        try log.file.synchronize()
        #expect(
            try text() == """
                {"step":1,"loss":0.1,"gradient_norm":null,"loss_scale":null}
                {"step":2,"loss":0.3333333333333333}

                """)
    }

    @Test(arguments: [
        ("nothing to drop", "{\"step\":1}\n{\"step\":2}\n", "{\"step\":1}\n{\"step\":2}\n"),
        ("later steps", "{\"step\":1}\n{\"step\":3}\n{\"step\":4}\n", "{\"step\":1}\n"),
        ("a torn tail", "{\"step\":1}\n{\"step\":2,\"lo", "{\"step\":1}\n"),
        ("a tail that lacks only its newline", "{\"step\":1}\n{\"step\":2}", "{\"step\":1}\n"),
        ("a torn line within", "{\"step\":1,\"l{\"step\":1}\n{\"step\":2}\n", "{\"step\":2}\n"),
        ("no steps", "{\"loss\":1}\n[]\n\n1\n{\"step\":\"1\"}\n{\"step\":1.5}\n{\"step\":2}\n", "{\"step\":2}\n"),
        ("zeros of a lost page", "{\"step\":1}\n\0\0\0\0\n{\"step\":2}\n", "{\"step\":1}\n{\"step\":2}\n"),
        ("all", "{\"step\":3}\n", ""), ("an empty file", "", ""),
    ])
    func truncateKeepsWholeLinesUpToTheStep(name: String, before: String, after: String) throws {
        try FileSystem.replaceContents(of: path, with: before)
        try MetricsLog.truncate(path, afterStep: 2)
        #expect(try text() == after)
        #expect(try FileSystem.list(directory.path) == ["metrics.jsonl"])
    }

    @Test func truncateAcceptsMissingFile() throws {
        try MetricsLog.truncate(path, afterStep: 2)
        #expect(try FileSystem.list(directory.path).isEmpty)
    }

    @Test func truncateWorksAcrossBlocks() throws {
        let padding = String(repeating: "x", count: 1000)
        func line(_ step: Int) -> String { "{\"step\":\(step),\"note\":\"\(padding)\"}\n" }
        try FileSystem.replaceContents(of: path, with: (1...3000).map(line).joined())
        try MetricsLog.truncate(path, afterStep: 2500)
        #expect(try text() == (1...2500).map(line).joined())
    }

    @Test func noStepAppearsTwiceAfterResume() throws {
        try FileSystem.replaceContents(of: path, with: "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"st")
        try MetricsLog.truncate(path, afterStep: 1)
        let log = try MetricsLog(path)
        for step in 2...3 { try log.append(["step": .integer(step)]) }
        #expect(try text() == "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n")
    }

    @Test func linksAreNotFollowed() throws {
        try FileSystem.replaceContents(of: directory.file("notes"), with: "mine\n")
        try #require(symlink("notes", path) == 0)
        expectFailure(.badData, "metrics.jsonl", "symbolic link") { try MetricsLog.truncate(path, afterStep: 2) }
        expectFailure(.inputOutput, "metrics.jsonl", "symbolic link") { _ = try MetricsLog(path) }
        #expect(try String(decoding: FileSystem.contents(of: directory.file("notes")), as: UTF8.self) == "mine\n")
    }

    @Test(arguments: ["mine\n", "mine", "{\"loss\":1}\n", "# notes\n\n- one\n"])
    func keepsFilesThatAreNotLogs(before: String) throws {
        try FileSystem.replaceContents(of: path, with: before)
        expectFailure(.badData, "metrics.jsonl", "is not a metrics log") {
            try MetricsLog.truncate(path, afterStep: 2)
        }
        #expect(try text() == before)
    }

    @Test(arguments: ["{\"step\":1,\"lo", "{\"st"])
    func removesTornFirstLine(before: String) throws {
        try FileSystem.replaceContents(of: path, with: before)
        try MetricsLog.truncate(path, afterStep: 2)
        #expect(try text() == "")
    }

    @Test func truncateRejectsForeignFile() throws {
        let text = String(repeating: "x", count: 17 << 20)
        try FileSystem.replaceContents(of: path, with: text)
        expectFailure(.badData, "metrics.jsonl", "is not a line of a metrics log") {
            try MetricsLog.truncate(path, afterStep: 2)
        }
        #expect(try self.text() == text)
    }
}
