import Failures
import Files
import Glibc
import TestSupport
import Testing
import Texts

/// Suggested commands can be pasted: from a quoted word, a shell produces exactly the original bytes.
struct ShellWordTests {
    private static let shells = ["/bin/sh", "/bin/bash", "/bin/dash", "/bin/zsh"].filter { (shell: String) in
        access(shell, X_OK) == 0
    }

    @Test(arguments: [
        "plain", "runs/of-mine_2/step-00000012", "a b", "it's", "''", "\"", "`id`", "$HOME ${x} $(id)", "a;b|c&d>e<f",
        "*?[a]{b,c}",
        "~", "~root/x", "#", "!!", "\\", "\\n", "a\nb", "\n", "é → 🙂", "e\u{301}", "=ls", "-n", "--help", "100 %d",
        "tab\there", "\u{1B}[2J", "\u{7}it's %s \\ \u{9B}\n\n", "-\u{1}", "\u{85}", "\r",
        PathText.text(of: [0x2F, 0xFF, 0x20, 0xE9]), PathText.text(of: [0x27, 0xC3]),
    ])
    func quotedWordsPassTheShellUnchanged(text: String) throws {
        let directory = TemporaryDirectory()
        for shell in ShellWordTests.shells {
            let script = directory.file("script"), output = directory.file("output")
            try FileSystem.replaceContents(
                of: script, with: "printf '%s' \(shellWord(text)) >\(shellWord(output))\n")
            try #require(system("exec \(shell) \(shellWord(script))") == 0, "\(shell): \(shellWord(text))")
            #expect(try FileSystem.contents(of: output) == PathText.bytes(of: text), "\(shell): \(shellWord(text))")
        }
    }

    /// Failures show control characters as escapes; a quoted word contains none, so it is not changed.
    @Test(arguments: ["a\tb", "\u{1B}[31m", "\u{9B}x"]) func messagesKeepQuotedWords(text: String) {
        #expect(Failure(.usage, shellWord(text)).message == shellWord(text))
    }

    @Test func harmlessWordsStayReadable() {
        #expect(shellWord("data.directory=runs/a-b_c/d.e:f,g+h@i%j") == "data.directory=runs/a-b_c/d.e:f,g+h@i%j")
        #expect(shellWord("") == "''")
        #expect(shellCommand("dtrain", "generate", "--prompt", "The ") == "dtrain generate --prompt 'The '")
    }

    @Test func pathsDoNotBecomeOptions() {
        #expect(shellPath("-x y") == "'./-x y'" && shellPath("x/-y") == "x/-y")
    }
}
