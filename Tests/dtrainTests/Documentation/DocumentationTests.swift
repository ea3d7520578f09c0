import Files
import Testing

@testable import dtrain

/// The Markdown files name files, headings, commands and keys that exist.
@Suite struct DocumentationTests {
    private let pages: [MarkdownPage]
    /// The keys of `configs/quickstart.yaml` with their defaults, in order.
    private let keys: [(path: String, value: String)]

    init() throws {
        pages = try MarkdownPage.all()
        keys = try DocumentationTests.keys(of: MarkdownPage.text(of: "configs/quickstart.yaml"))
    }

    /// The keys of a configuration in block style.
    private static func keys(of text: String) -> [(path: String, value: String)] {
        var (keys, section): ([(String, String)], String) = ([], "")
        for line in text.parts(at: "\n") {
            guard let name = line.parts(at: ":").first, name.utf8.count < line.utf8.count, !name.contains("#")
            else { continue }
            let value = String(line.dropFirst(name.count + 1)).parts(at: " #")[0].trimmed
            if !name.hasPrefix(" ") { section = name }
            if value.isEmpty { continue }
            keys.append((name.hasPrefix(" ") ? "\(section).\(name.trimmed)" : name, value))
        }
        return keys
    }

    @Test func findsThePages() {
        let paths = pages.map(\.path)
        for path in ["README.md", "CHANGELOG.md", "docs/guide.md", "Benchmarks/README.md", "Tests/Faults/README.md"] {
            #expect(paths.contains(path))
        }
        #expect(keys.count > 90)
    }

    @Test func linksLeadToFilesAndHeadings() throws {
        var count = 0
        for page in pages {
            for link in page.links where !link.contains("://") {
                count += 1
                let parts = link.parts(at: "#", maxSplits: 1)
                let path = parts[0].isEmpty ? page.path : resolved(parts[0], from: page.path)
                #expect(MarkdownPage.exists(path), "\(page.path): \(link) leads to no file")
                guard parts.count == 2, MarkdownPage.exists(path) else { continue }
                let anchors = try MarkdownPage(path).anchors
                #expect(anchors.contains(parts[1]), "\(page.path): \(link) leads to no heading of \(path)")
            }
        }
        #expect(count > 50)
    }

    /// A relative path as one from the repository.
    private func resolved(_ link: String, from page: String) -> String {
        var parts = Array(page.parts(at: "/").dropLast())
        for part in link.parts(at: "/") {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return parts.filter { !$0.isEmpty }.joined(separator: "/")
    }

    /// Command lines in code blocks parse as the program parses them; their keys and configurations exist.
    @Test func commandsParse() throws {
        let paths = Set(keys.map(\.path))
        var count = 0
        for page in pages {
            for words in page.commands {
                for word in words where word.hasPrefix("configs/") {
                    #expect(MarkdownPage.exists(word), "\(page.path): \(word) does not exist")
                }
                guard let arguments = ShellLine.arguments(words) else { continue }
                count += 1
                do {
                    guard case .run(let command, let options) = try Invocation(arguments) else { continue }
                    for assignment in options.list("set") {
                        let key = assignment.parts(at: "=")[0]
                        #expect(paths.contains(key), "\(page.path): --set \(assignment): no such key")
                    }
                    if command.name == "train", let key = options.value("show"), key != "parameters" {
                        #expect(paths.contains(key), "\(page.path): --show \(key): no such key")
                    }
                } catch {
                    Issue.record("\(page.path): \(words.joined(separator: " ")): \(error)")
                }
            }
        }
        #expect(count > 30)
    }

    /// Commands inside sentences and tables may lack arguments; the command and its options exist.
    @Test func commandsInSentencesExist() throws {
        for page in pages {
            for span in page.spans {
                guard let arguments = ShellLine.arguments(ShellLine.words(of: span)) else { continue }
                if ["help", "--help", "--version", "-h"].contains(arguments.first ?? "") { continue }
                do {
                    let (command, words) = try Command.find(arguments)
                    for case .unknown(let option) in command.parts(of: words) {
                        Issue.record("\(page.path): `\(span)`: \(command.name) has no option \(option)")
                    }
                } catch {
                    Issue.record("\(page.path): `\(span)`: \(error)")
                }
            }
        }
    }

    /// Keys in code spans, such as `training.patience: 3`, are keys of the configuration.
    @Test func namedKeysExist() {
        let paths = Set(keys.map(\.path))
        let sections = Set(keys.map { $0.path.parts(at: ".")[0] })
        for page in pages {
            for span in page.spans {
                let key = span.parts(at: ":")[0].parts(at: "=")[0]
                let parts = key.parts(at: ".")
                guard parts.count == 2, sections.contains(parts[0]), parts[1] != "safetensors",
                    key.utf8.allSatisfy(isPartOfKey)
                else { continue }
                #expect(paths.contains(key), "\(page.path): `\(span)`: no such key")
            }
        }
    }

    private func isPartOfKey(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
    }

    /// The tables of docs/configuration.md list every key in the order of configs/quickstart.yaml, with its default.
    @Test func everyKeyIsDocumentedWithItsDefault() throws {
        let page = try MarkdownPage("docs/configuration.md")
        let rows = page.prose.compactMap { line -> (path: String, value: String)? in
            let cells = line.parts(at: "|").map(\.trimmed)
            guard cells.count == 6, cells[1].hasPrefix("`"), cells[2].hasPrefix("`") else { return nil }
            return (cells[1].parts(at: "`")[1], cells[2].parts(at: "`")[1])
        }
        #expect(rows.map(\.path) == keys.map(\.path))
        for (row, key) in zip(rows, keys) where row.path == key.path {
            #expect(row.value == key.value, "docs/configuration.md: \(row.path)")
        }
    }

    /// Paths and source files in code spans exist. Names in capitals are placeholders.
    @Test func namedFilesExist() throws {
        let sources = try names(below: "Sources").union(names(below: "Tests"))
        let directories = ["Benchmarks/", "Examples/", "Sources/", "Tests/", "configs/", "docs/", "launch/"]
        for page in pages {
            for span in page.spans {
                guard let word = span.parts(at: " ").first, !word.contains("NAME"), !word.contains("<"),
                    !word.contains("*"), !word.hasPrefix("Benchmarks/results")
                else { continue }
                if directories.contains(where: word.hasPrefix) {
                    #expect(MarkdownPage.exists(word), "\(page.path): `\(span)`: no such file")
                } else if word.hasSuffix(".swift"), !word.contains("/"), word != "Package.swift" {
                    #expect(sources.contains(word), "\(page.path): `\(span)`: no such file in Sources and Tests")
                }
            }
        }
    }

    /// The names of all Swift files below a directory.
    private func names(below directory: String) throws -> Set<String> {
        var (names, directories): (Set<String>, [String]) = ([], [directory])
        while let directory = directories.popLast() {
            for name in try FileSystem.list("\(MarkdownPage.repository)/\(directory)") where name != "corpus" {
                if name.hasSuffix(".swift") {
                    names.insert(name)
                } else if FileSystem.isDirectory("\(MarkdownPage.repository)/\(directory)/\(name)") {
                    directories.append("\(directory)/\(name)")
                }
            }
        }
        return names
    }

    /// The table of targets in docs/architecture.md is that of Package.swift.
    @Test func architectureShowsTheTargets() throws {
        let table = TargetTable(package: try MarkdownPage.text(of: "Package.swift")).lines
        let lines = try MarkdownPage("docs/architecture.md").prose
        let begin = try #require(lines.firstIndex(of: "<!-- targets: begin -->"))
        let end = try #require(lines.firstIndex(of: "<!-- targets: end -->"))
        #expect(table.count > 20)
        #expect(
            Array(lines[(begin + 1)..<end]) == table,
            "between its two markers, docs/architecture.md should have\n\(table.joined(separator: "\n"))")
    }

    /// Programs that use the library need no MPI.
    @Test func libraryDoesNotDependOnMPI() throws {
        let table = TargetTable(package: try MarkdownPage.text(of: "Package.swift"))
        let below = table.targets(below: "DTrain")
        #expect(below.isSuperset(of: ["Inference", "Kernels", "CYAML"]))
        #expect(below.isDisjoint(with: ["CMPI", "COpenMPI", "MPI", "Training"]))
        #expect(table.targets(below: "dtrain").isSuperset(of: ["CMPI", "COpenMPI", "MPI"]))
    }

    /// Every Swift snippet of the guide is part of a test of the library, which compiles and runs it.
    @Test func snippetsAreTested() throws {
        let tested = try MarkdownPage.text(of: "Tests/DTrainTests/GuideTests.swift").parts(at: "\n").map(\.trimmed)
        let text = try MarkdownPage.text(of: "docs/guide.md").parts(at: "```swift\n").dropFirst()
        let snippets = text.map { $0.parts(at: "```")[0] }.filter { !$0.contains("dependencies:") }
        #expect(snippets.count >= 2)
        for line in snippets.flatMap({ $0.parts(at: "\n") }).map(\.trimmed) where !line.isEmpty {
            #expect(tested.contains(line), "docs/guide.md: GuideTests.swift lacks the line \(line)")
        }
    }
}
