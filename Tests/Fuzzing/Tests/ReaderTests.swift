import Files
import Testing

extension FuzzedReader: CustomTestStringConvertible {
    var testDescription: String { name }
}

/// A short version of `Tests/Fuzzing/run`: no parser may crash, hang, or reject input other than by a `Failure`.
struct ReaderTests {
    /// The inputs in the repository, which libFuzzer found to take different paths.
    private func corpus(_ reader: FuzzedReader) throws -> [[UInt8]] {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(
            separator: "/")
        let directory = "\(folder)/corpus/\(reader.name)"
        return try FileSystem.list(directory).map { try FileSystem.contents(of: "\(directory)/\($0)") }
    }

    @Test(arguments: FuzzedReader.all) func seedsAreAccepted(reader: FuzzedReader) throws {
        let run = try ReaderRun(reader)
        for (index, seed) in try reader.seeds().enumerated() {
            #expect(try run.accepts(seed), "seed \(index)")
        }
    }

    @Test(arguments: FuzzedReader.all) func corpusIsAcceptedOrRejected(reader: FuzzedReader) throws {
        let run = try ReaderRun(reader)
        let inputs = try corpus(reader)
        #expect(inputs.count > 3)
        for input in inputs + [[]] { #expect(throws: Never.self) { _ = try run.accepts(input) } }
    }

    @Test(arguments: FuzzedReader.all) func mutationsAreAcceptedOrRejected(reader: FuzzedReader) throws {
        let run = try ReaderRun(reader)
        let mutation = Mutation(of: try reader.seeds(), seed: 8)
        var accepted = 0
        for number in 0..<reader.changes {
            let input = mutation.input(number)
            do {
                if try run.accepts(input) { accepted += 1 }
            } catch {
                Issue.record("mutation \(number): \(error)")
            }
        }
        // Otherwise the mutations do not reach the parser's checks. (A damaged log is accepted, because its complete
        // lines are kept.)
        #expect(accepted < reader.changes || reader.name == FuzzedReader.metricsLog.name)
    }

    /// A megabyte of one repeated pattern: quadratic or deeply recursive parsing would not end.
    @Test(arguments: [
        "[", "{", "{\"a\":", "[0,", "{\"a\":0,", "\"", "\\u", "-", "9", "1e", " ", "\n", "\t", "- ", "? ", "a: ",
        "a:\n ",
        "&a ", "*a ", "!a ", "|\n", "'", "#", "\u{0}", "\u{FEFF}", "a\t", "a=", "--", "..",
    ])
    func longRepetitionsAreParsedQuickly(pattern: String) throws {
        let readers = [
            FuzzedReader.json, .jsonLines, .labelledLines, .parallelLines, .configuration, .checkpointState,
            .checkpointManifest, .datasetManifest, .modelConfiguration, .modelIndex, .adapterConfiguration, .metricsLog,
            .commandLine,
            .safetensorsHeader, .sentencePieceModel,
        ]
        let text = Array(String(repeating: pattern, count: (1 << 20) / pattern.utf8.count).utf8)
        for reader in readers {
            let run = try ReaderRun(reader)
            #expect(throws: Never.self, "\(reader.name)") { _ = try run.accepts(text) }
        }
    }
}
