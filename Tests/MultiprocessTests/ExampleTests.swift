import Files
import Testing

extension MultiprocessTests {
    /// The package of examples, which depends on dtrain by its path as a user's package does.
    @Suite struct ExampleTests {
        private static let repository = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

        /// Builds a program in the build directory of dtrain's own release build: the modules below the library are
        /// compiled by the same commands, so that they are not compiled again. `swift test` holds the lock of the
        /// directory until the tests end.
        private func build(_ program: String) throws -> String {
            let scratch = "\(ExampleTests.repository)/.build"
            let build = Job(
                [
                    "swift", "build", "-c", "release", "--package-path", "\(ExampleTests.repository)/Examples",
                    "--scratch-path", scratch, "--ignore-lock", "--product", program,
                ], in: ExampleTests.repository
            ).finish(timeoutSeconds: 1200)
            try #require(build.exitCode == 0, "\(build.output)\(build.errors)")
            return "\(scratch)/release/\(program)"
        }

        /// A program without MPI prints the same completions as `dtrain generate`; wrong arguments are an error.
        @Test func autocompleteCompletesLines() throws {
            let program = try build("autocomplete")
            let libraries = Job(["ldd", program], in: "/").finish().output
            #expect(libraries.contains("libyaml") && !libraries.contains("libmpi"), "\(libraries)")

            let workshop = try Workshop()
            workshop.train("training.steps=8")
            try FileSystem.replaceContents(of: workshop.directory.file("lines"), with: "alpha\n\nbeta größe\n")
            func complete(_ arguments: String) -> Job.Outcome {
                Job(["sh", "-c", #"exec "$0" \#(arguments) <lines"#, program], in: workshop.directory.path).finish()
            }
            let completed = complete("run 2")
            #expect(completed.exitCode == 0 && completed.errors.isEmpty, "\(completed.errors)")
            for threads in [1, 3] { #expect(complete("run 2 \(threads)").output == completed.output) }
            let refused = complete("run 2 1025")
            #expect(refused.exitCode == 64 && refused.errors.contains("threads: found 1025; allowed: auto, or a whole"))
            let lines = completed.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            try #require(lines.count == 5)
            for (line, prompt) in [(lines[0], "alpha"), (lines[2], "beta größe")] {
                let generated = workshop.dtrain(
                    "generate", "--checkpoint", "run", "--tokens", "24", "--stop", "\n", "--prompt", prompt)
                #expect(generated.output == line + "\n")
            }
            #expect(lines[1].hasPrefix("alpha") && lines[3].hasPrefix("beta größe"))

            let missing = Job([program, "none"], in: workshop.directory.path).finish()
            #expect(missing.exitCode == 65 && missing.output.isEmpty)
            #expect(missing.errors.hasPrefix("autocomplete: none: there is no such file or directory"))
        }
    }
}
