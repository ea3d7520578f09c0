import Files
import Testing
import Texts

/// Checks that the sources compare and split names, paths and strings from outside by bytes.
///
/// The check searches each line for words of Swift's own methods, so it finds only the usual spelling. Exceptions are
/// listed with a reason.
struct SourceTests {
    private struct Rule {
        let word: String
        let instead: String
    }

    private static let rules = [
        Rule(word: "Set<String>", instead: "Set<ExactText>"),
        Rule(word: "[String: ", instead: "[ExactText: …]"),
        Rule(word: ".hasPrefix(", instead: "hasExactPrefix"),
        Rule(word: ".hasSuffix(", instead: "hasExactSuffix"),
        Rule(word: ".split(separator: \"", instead: "exactParts(at:)"),
        Rule(word: ".firstIndex(of: \"", instead: "exactHalves(at:), or unicodeScalars"),
        Rule(word: ".lastIndex(of: \"", instead: "unicodeScalars"),
        Rule(word: ".contains(\"", instead: "containsExactly"),
        Rule(word: "[Character]", instead: "[Unicode.Scalar]"),
        Rule(word: "CommandLine.arguments", instead: "PathText over CommandLine.unsafeArgv"),
        Rule(word: "String(cString: ", instead: "PathText.text(of:) for a path"),
    ]

    /// Allowed exceptions: a part of the line, and the reason.
    private static let explained: [(file: String, part: String, reason: String)] = [
        ("Files/SystemFault.swift", "errors: [String: Int32]", "names of errors, written here"),
        ("Files/File.swift", "strerror", "words of the system"),
        ("Files/StandardOutput.swift", "strerror", "words of the system"),
        ("Files/StandardInput.swift", "strerror", "words of the system"),
        ("Products/KernelLimit.swift", "String(cString: text)", "a word of ASCII"),
        ("Datasets/Records/RecordShard.swift", "columns: [String: Column]", "keys are compared with those of the kind"),
        ("Preparation/Writing/RecordSplitWriter.swift", "recorded: [String: RecordShard.Column]", "names of columns"),
        ("Datasets/Manifest/DatasetManifest+Files.swift", "contains(\"\\\"\\(sealName)\\\"\")", "our own member"),
        ("Preparation/Images/PNGChunks.swift", "names.contains(\"IDAT\")", "an array of names of ASCII"),
        ("Settings/Reading/YAMLProblem.swift", "problem.contains(", "words of libyaml"),
        ("Files/HostName.swift", "String(cString: buffer.baseAddress!)", "the name of the host"),
        ("Metrics/Tokenization13a.swift", "text.contains(\"&\")", "an array of scalars"),
        ("Conversations/", "ames: [String: [UInt8]]", "names of variables, written here"),
        ("Conversations/TemplateRendering.swift", "[String: TemplateValue]", "names of ASCII, by the lexer"),
        ("Preparation/Unpacking/Decompressor.swift", "String(cString: ", "words of zlib and zstd"),
        ("Collectives/", "String(cString: ", "words of MPI and of its launcher"),
        ("Settings/Reading/YAMLReader.swift", "String(cString: ", "words of libyaml"),
        ("Training/Run/Trainer.swift", "getenv(Fault.variable)", "names of tensors, in a variable of tests"),
        ("Reporting/Console.swift", "getenv(\"COLUMNS\")", "a number"),
        ("Reporting/Console.swift", "String(cString: target.baseAddress!)", "the name of a device"),
        ("Threads/", "String(cString: strerror", "words of the system"),
        ("Resources/ComputeThreads.swift", "String(cString: strerror", "words of the system"),
        ("Reports/Page/PageServer.swift", "String(cString: strerror", "words of the system"),
        ("Files/FileSystem.swift", "path.lastIndex(of: \"/\")", "a view of scalars"),
        ("Resources/CoreNeighbours.swift", "status.split(separator: ", "a file of /proc"),
        ("Resources/UsableCores.swift", "cgroup", "a file of /proc"),
        ("dtrain/CommandLine/LoneRank+Refusal.swift", "getenv(name)", "numbers and words of a launcher"),
    ]

    /// Returns the paths of the Swift files in `directory`, relative to it.
    private static func files(_ directory: String, _ path: String = "") throws -> [String] {
        try FileSystem.list("\(directory)/\(path)").flatMap { name -> [String] in
            let found = path.isEmpty ? name : "\(path)/\(name)"
            if FileSystem.isDirectory("\(directory)/\(found)") { return try files(directory, found) }
            return found.hasExactSuffix(".swift") ? [found] : []
        }
    }

    @Test func sourcesCompareByBytes() throws {
        let package = #filePath.exactParts(at: "/").dropLast(3).joined(separator: "/")
        let sources = package + "/Sources"
        let files = try Self.files(sources).filter { !$0.hasExactPrefix("Texts/") }
        #expect(files.count > 200)
        var used = Set<Int>()
        for file in files {
            let text = String(decoding: try FileSystem.contents(of: "\(sources)/\(file)"), as: UTF8.self)
            for (number, line) in text.exactParts(at: "\n").enumerated() {
                // Comments are not checked.
                let code = line.drop { $0 == " " }
                if code.hasExactPrefix("//") { continue }
                for rule in Self.rules where line.containsExactly(rule.word) {
                    let reason = Self.explained.firstIndex {
                        file.hasExactPrefix($0.file) && line.containsExactly($0.part)
                    }
                    if let reason {
                        used.insert(reason)
                    } else {
                        Issue.record(
                            """
                            Sources/\(file):\(number + 1): \(rule.word) goes by canonical equivalence or by characters. \
                            Use \(rule.instead) of Texts, or explain the line in \(#fileID).
                            """)
                    }
                }
            }
        }
        for index in Self.explained.indices where !used.contains(index) {
            Issue.record("\(Self.explained[index]): no line needs this explanation any more. Remove it.")
        }
    }

    /// The fuzzing build excludes Main.swift, so no other file may use its declarations.
    @Test func mainDeclaresOnlyTheProgram() throws {
        let package = #filePath.exactParts(at: "/").dropLast(3).joined(separator: "/")
        let manifest = String(decoding: try FileSystem.contents(of: package + "/Package.swift"), as: UTF8.self)
        let target = #".target(name: "dtrain", dependencies: program.dependencies, exclude: ["Main.swift"]"#
        #expect(manifest.containsExactly(target), "The fuzzing build leaves out other files; check those, too.")
        let text = String(decoding: try FileSystem.contents(of: package + "/Sources/dtrain/Main.swift"), as: UTF8.self)
        let declarations = text.exactParts(at: "\n").filter { line in
            let isIndented = line.isEmpty || line.hasExactPrefix(" ") || line.hasExactPrefix("}")
            return !isIndented && !line.hasExactPrefix("//") && !line.hasExactPrefix("import ")
        }
        #expect(declarations == ["@main", "struct Main {"])
    }
}
