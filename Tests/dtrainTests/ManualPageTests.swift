import Failures
import TestSupport
import Testing

@testable import dtrain

/// The manual page lists every command and option, and roff prints them correctly.
@Suite struct ManualPageTests {
    @Test func listsEveryCommandAndOption() throws {
        let page = ManualPage.text(Command.all)
        let parts = page.parts(at: "\n.SH \"EXIT STATUS\"")[0].parts(at: "\n.SS ").dropFirst()
        #expect(parts.count == Command.all.count)
        for (part, command) in zip(parts, Command.all) {
            #expect(part.hasPrefix("\"dtrain \(command.name)"), "\(command.name)")
            for option in command.options {
                #expect(part.contains("\\fB\(Roff.escaped("--\(option.name)"))\\fR"), "\(command.name): \(option.name)")
            }
        }
        for heading in [
            "NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "EXIT STATUS", "SIGNALS", "FILES", "ENVIRONMENT", "EXAMPLES",
        ] {
            #expect(page.contains("\n.SH \"\(heading)\""), "\(heading)")
        }
        #expect(page.utf8.allSatisfy { $0 < 0x80 })
    }

    /// docs/reliability.md and the page give the same meanings of exit codes.
    @Test func exitCodesAreDocumented() throws {
        let rows = try MarkdownPage("docs/reliability.md").prose
        let table = ExitCode.documented.map { "| \($0.rawValue) | \($0.meaning) |" }
        let first = try #require(rows.firstIndex(of: table[0]))
        #expect(Array(rows[first...].prefix { $0.hasPrefix("|") }) == table)
    }

    @Test(
        .enabled(if: ShellProgram.exists("groff"), "groff is not installed"),
        arguments: [Command.all, Command.difficult]
    )
    func groffPrintsNoWarnings(commands: [Command]) throws {
        for device in ["utf8", "ascii", "ps"] {
            let script = "exec 3>&1\ngroff -man -ww -T\(device) page 2>&3 >/dev/null\n"
            let warnings = try ShellProgram.output(
                of: "sh", script: script, files: ["page": ManualPage.text(commands) + "\n"])
            #expect(warnings == "", "\(device)")
        }
    }

    @Test(.enabled(if: ShellProgram.exists("groff"), "groff is not installed")) func groffPrintsTheCharacters() throws {
        let page = ManualPage.text(Command.difficult) + "\n"
        let text = try ShellProgram.output(
            of: "sh", script: "groff -man -Tutf8 -P-cbou -rLL=400n page\n", files: ["page": page])
        for expected in [
            #"it's a "soup": 50 % [hot] \ `cold`"#, #".it's [big]: \d $HOME `id` "x""#, "'quoted'", "--pot FILE",
            "--spicy[=LEVEL]", "dtrain cook it's",
        ] {
            #expect(text.contains(expected), "\(expected)")
        }
    }
}

/// The command `completions`.
@Suite struct CompletionsCommandTests {
    @Test func rejectsUnknownShells() throws {
        let arguments = try Arguments(["tcsh"], for: .completions)
        expectFailure(.usage, "completions: found tcsh; allowed: bash, zsh, fish.", "See dtrain help completions.") {
            let _: Shell = try arguments.choice(at: 0)
        }
        expectFailure(.usage, "found none; expected: bash|zsh|fish.") { _ = try Arguments([], for: .completions) }
    }
}
