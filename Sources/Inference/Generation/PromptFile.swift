import Failures
import Files
import Texts

/// The prompts of a file, one a line.
///
/// In a file whose name ends in `.jsonl` each line is a JSON object with a string `text`, which may hold line breaks, and so is
/// each result: both are then exactly what `--prompt` takes and prints. In any other file a prompt is a line as it stands, and
/// its result is a line too: a decoder ends at the first line break that it writes, and of other models line breaks become
/// spaces.
package struct PromptFile: Sendable {
    /// The file's path, for messages.
    package let path: String
    /// The prompt of each line, in their order; empty where the line has none.
    package let prompts: [String]
    /// Whether prompts and results are JSON objects.
    package let holdsObjects: Bool

    /// Reads a file.
    ///
    /// - Throws: `badData` as `LineReader`, and for a line that is no such object.
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

    /// The line that stands for the result `bytes`, without its line end.
    ///
    /// Bytes that are not UTF-8 become U+FFFD, as in what `--prompt` prints.
    static func line(of bytes: [UInt8], asObject: Bool) -> String {
        if asObject { return JSON.object([.init("text", .string(WholeCharacters.text(of: bytes)))]).line }
        let isLineBreak = { (byte: UInt8) in byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }
        return WholeCharacters.text(of: bytes.map { isLineBreak($0) ? UInt8(ascii: " ") : $0 })
    }
}

/// The numbers that the random choices of texts depend on.
enum PromptNumbers {
    /// The number of each text: a function of the text alone, so that a prompt has the same result wherever it stands, also
    /// by itself. A text that comes again is drawn anew.
    static func of(_ texts: [String]) -> [Int] {
        var counts: [Int: Int] = [:]
        return texts.map { text in
            // 60 bits, which no two texts of one file are likely to share.
            guard let number = Int(Digest.of(Array(text.utf8)).prefix(15), radix: 16) else {
                preconditionFailure("a digest is hexadecimal")
            }
            counts[number, default: -1] += 1
            return number + counts[number]!
        }
    }
}
