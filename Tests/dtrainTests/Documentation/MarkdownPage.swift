import Failures
import Files

/// A Markdown file of the repository, divided into headings, links, code spans and code blocks.
struct MarkdownPage: Sendable {
    /// The path relative to the repository.
    let path: String
    /// The lines outside code blocks.
    let prose: [String]
    /// The lines of each code block.
    let blocks: [[String]]

    /// The directory of the repository.
    static let repository = #filePath.parts(at: "/").dropLast(4).joined(separator: "/")

    /// Directories without documentation, some of them with thousands of files.
    private static let skipped: Set<String> = ["corpus", "data", "Golden", "models", "results", "runs"]

    /// All Markdown files of the repository.
    static func all() throws(Failure) -> [MarkdownPage] {
        var (pages, directories): ([MarkdownPage], [String]) = ([], [""])
        while let directory = directories.popLast() {
            let names = try FileSystem.list(directory.isEmpty ? repository : "\(repository)/\(directory)").sorted()
            for name in names where !name.hasPrefix(".") {
                let path = directory.isEmpty ? name : "\(directory)/\(name)"
                if name.hasSuffix(".md") {
                    pages.append(try MarkdownPage(path))
                } else if !skipped.contains(name), FileSystem.isDirectory("\(repository)/\(path)") {
                    directories.append(path)
                }
            }
        }
        return pages
    }

    /// Reads the file `path` of the repository.
    init(_ path: String) throws(Failure) {
        self.path = path
        var (prose, blocks, isInBlock): ([String], [[String]], Bool) = ([], [], false)
        for line in try MarkdownPage.text(of: path).parts(at: "\n") {
            if line.hasPrefix("```") {
                isInBlock.toggle()
                if isInBlock { blocks.append([]) }
            } else if isInBlock {
                blocks[blocks.count - 1].append(line)
            } else {
                prose.append(line)
            }
        }
        (self.prose, self.blocks) = (prose, blocks)
    }

    /// The contents of a file of the repository.
    static func text(of path: String) throws(Failure) -> String {
        String(decoding: try FileSystem.contents(of: "\(repository)/\(path)"), as: UTF8.self)
    }

    /// Whether a file or directory of the repository exists.
    static func exists(_ path: String) -> Bool { FileSystem.exists("\(repository)/\(path)") }

    /// The code spans in the prose.
    var spans: [String] {
        prose.flatMap { line in line.parts(at: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element) }
    }

    /// The destinations of links and images in the prose.
    var links: [String] {
        prose.flatMap { line -> [String] in
            let text = line.parts(at: "`").enumerated().filter { $0.offset % 2 == 0 }.map(\.element).joined()
            return text.parts(at: "](").dropFirst().compactMap { $0.parts(at: ")").first }
        }
    }

    /// The anchors of the headings, as GitHub makes them.
    var anchors: Set<String> {
        Set(
            prose.filter { $0.hasPrefix("#") }.map { heading in
                let title = heading.drop { $0 == "#" }.drop { $0 == " " }.lowercased()
                return String(
                    title.compactMap { character -> Character? in
                        if character == " " { return "-" }
                        return character.isLetter || character.isNumber || "-_".contains(character) ? character : nil
                    })
            })
    }

    /// The commands of the code blocks: in a transcript the lines after "$ ", otherwise all lines.
    var commands: [[String]] {
        blocks.flatMap { block -> [[String]] in
            let entered = block.filter { $0.hasPrefix("$ ") }.map { String($0.dropFirst(2)) }
            return (entered.isEmpty ? block : entered).map(ShellLine.words)
        }
    }
}

extension String {
    /// The parts between separators, empty ones included.
    func parts(at separator: String, maxSplits: Int = .max) -> [String] {
        split(separator: separator, maxSplits: maxSplits, omittingEmptySubsequences: false).map(String.init)
    }

    /// The text without spaces at its ends.
    var trimmed: String { String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
}
