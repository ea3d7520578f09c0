import Files
import Glibc
import TestSupport
import Testing
import Texts

@testable import dtrain

/// A shell or another program of the system that a test runs.
enum ShellProgram {
    /// Whether `program` is on PATH.
    static func exists(_ program: String) -> Bool { system("command -v \(program) >/dev/null 2>&1") == 0 }

    /// The output of `command` for a script, in a new directory that contains `files`; it may take at most 60 seconds.
    ///
    /// - Parameter command: The program and its options; the path of the script is appended.
    static func output(
        of command: String, script: String, files: [String: String] = [:], directories: [String] = []
    ) throws -> String {
        let directory = TemporaryDirectory()
        for name in directories { try FileSystem.makeDirectory(directory.file(name)) }
        for (name, text) in files { try FileSystem.replaceContents(of: directory.file(name), with: text) }
        try FileSystem.replaceContents(of: directory.file("script"), with: script)
        let output = directory.file("output")
        let place = shellWord(FileSystem.parent(of: output))
        let status = system(
            "cd \(place) && HOME=\(place) timeout 60 \(command) ./script >output 2>&1 </dev/null")
        let text = String(decoding: try FileSystem.contents(of: output), as: UTF8.self)
        #expect(status == 0, "\(command): \(text)")
        return text
    }
}

extension Command {
    /// Commands with words that shells and roff treat specially, in addition to `train`, the default.
    static let difficult: [Command] = [
        train,
        Command(
            name: "cook", summary: "it's a \"soup\": 50 % [hot] \\ `cold`",
            positions: [
                ValueKind("DISH", words: ["it's", "back\\slash", "two words", "a:b=c"]),
                ValueKind("PLACE", .directories),
            ],
            options: [
                .one("pot", .file, ".it's [big]: \\d $HOME `id` \"x\""), .one("salt", "GRAMS", "'quoted'"),
                .list("guests", ValueKind("NAME", words: ["Ann", "Bo"]), "guests"), .flag("hot", "hot"),
                .optional("spicy", ValueKind("LEVEL", words: ["1", "2"]), "spicy"), .settings,
                .one("where", ValueKind("in|DIR", words: ["in"], .directories), "where"),
            ], example: "dtrain cook it's"
        ) { _, _ in .finished },
    ]
}
