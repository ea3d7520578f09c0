import Collectives
import Failures
import Files
import Texts

/// A file of prompts, one per line.
///
/// In a file whose name ends in `.jsonl`, each line and each result is a JSON object with a string `text`, which may
/// contain line breaks: prompts and results are then exactly those of `--prompt`. In any other file each prompt and
/// each result is a single line: a decoder stops at its first line break, and other models' line breaks are replaced by
/// spaces.
package struct PromptFile: Sendable {
    /// The file's path, for messages.
    package let path: String
    /// The prompts in file order; empty for an empty line.
    package let prompts: [String]
    /// Whether prompts and results are JSON objects.
    package let holdsObjects: Bool

    /// Reads a file.
    ///
    /// - Throws: `badData` as `LineReader`, and for a line that is not such an object.
    package init(reading path: String) throws(Failure) {
        self.path = path
        holdsObjects = path.hasExactSuffix(".jsonl")
        guard holdsObjects else {
            prompts = try LineReader.lines(of: path)
            return
        }
        let reader = try LineReader(path)
        var prompts: [String] = []
        while let line = try reader.next() {
            if line.allSatisfy({ $0 <= 0x20 }) {
                prompts.append("")
                continue
            }
            let object = try JSON(parsing: line, source: reader.place)
            guard let text = object["text"]?.stringValue else {
                let found = object.objectValue.map { $0.map(\.name).joined(separator: ", ") } ?? "no object"
                throw Failure(
                    .badData,
                    "\(reader.place): found \(found.isEmpty ? "an empty object" : found); allowed: a JSON object with a "
                        + "string \"text\", the prompt.")
            }
            prompts.append(text)
        }
        self.prompts = prompts
    }

    /// The failure for an empty prompt of the command line.
    static let emptyPrompt = Failure(.usage, "generate: --prompt is empty. Give at least one character.")

    /// The prompt of the command line, which may contain line breaks; its result too, unless it is plain text.
    ///
    /// - Throws: `usage` if it is empty.
    package init(of prompt: String) throws(Failure) {
        guard !prompt.isEmpty else { throw PromptFile.emptyPrompt }
        (path, prompts, holdsObjects) = ("--prompt", [prompt], false)
    }

    /// Prompts from standard input, one per line, which rank 0 reads and the other ranks receive. Collective: every
    /// rank calls it.
    ///
    /// - Throws: `AgreedFailure` with `badData` for input that is not UTF-8.
    package init(readingStandardInputWith communicator: any Communicator) throws {
        path = "standard input"
        holdsObjects = false
        let text = try communicator.onFirstRank { () throws(Failure) in
            var lines = ""
            let reader = try LineReader(standardInputLimit: 64 << 20)
            while let line = try reader.next() { lines += String(decoding: line, as: UTF8.self) + "\n" }
            return lines
        }
        prompts = Array(text.exactParts(at: "\n").dropLast())
    }
}

/// Numbers that seed the random choices for each prompt.
enum PromptNumbers {
    /// The number of each text: a function of only the text, so that a prompt has the same result in any file and with
    /// `--prompt`. Further occurrences of the same text have different numbers.
    static func of(_ texts: [String]) -> [Int] {
        var counts: [Int: Int] = [:]
        return texts.map { text in
            // 60 bits, so that different texts of a file are unlikely to collide.
            guard let number = Int(Digest.of(Array(text.utf8)).prefix(15), radix: 16) else {
                preconditionFailure("the digest is not hexadecimal")
            }
            counts[number, default: -1] += 1
            return number + counts[number]!
        }
    }
}
