import Failures
import Files
import Reporting
import Texts
import Tokenizers

extension Command {
    static let tokenize = Command(
        name: "tokenize", summary: "print the token IDs of texts, or the texts of token IDs",
        options: [
            .one(
                "tokenizer", ValueKind("KIND|FILE", words: ["byte"], .files),
                "byte, a tokenizer.json, vocab.json, vocab.txt, FILE.model or FILE.tiktoken"),
            .one("checkpoint", .directory, "use the tokenizer of a checkpoint or run instead"),
            .one("input", .file, "a text on each line (default: standard input)"),
            .flag("decode", "the input has token IDs, separated by spaces; print their text"),
            .flag("special", "find and add special tokens; with --decode: print them"),
        ],
        example: "dtrain tokenize --tokenizer gpt2/tokenizer.json --input lines.txt"
    ) { arguments, session in
        _ = try session.communicator.onFirstRank { () throws(Failure) in
            try tokenizeLines(arguments, session.console)
            return ""
        }
        return .finished
    }
}

private func tokenizeLines(_ arguments: Arguments, _ console: Console) throws(Failure) {
    let tokenizer = try chosenTokenizer(arguments, console)
    let (decodes, withSpecial) = (arguments.has("decode"), arguments.has("special"))
    if withSpecial, !decodes, !(tokenizer is PipelineTokenizer) {
        throw arguments.usage(
            "--special: this tokenizer does not say which special tokens belong around a text; only a tokenizer.json does. "
                + "Omit --special.")
    }
    let lines =
        if let input = arguments.value("input") { try LineReader(input, allowsEmpty: true) } else {
            try LineReader(standardInputLimit: LineReader.lineBytesLimit)
        }
    var output: [UInt8] = []
    while !console.isClosed, let line = try lines.next() {
        if decodes {
            output += tokenizer.decode(try tokens(in: line, lines.place, tokenizer), keepsSpecial: withSpecial)
        } else {
            for (index, token) in try tokenizer.encode(line, withSpecial: withSpecial).enumerated() {
                if index > 0 { output.append(UInt8(ascii: " ")) }
                output += String(token).utf8
            }
        }
        output.append(UInt8(ascii: "\n"))
        if output.count >= 1 << 16 {
            console.write(output)
            output.removeAll(keepingCapacity: true)
        }
    }
    console.write(output)
}

/// The tokenizer that one of two options names.
private func chosenTokenizer(_ arguments: Arguments, _ console: Console) throws(Failure) -> any Tokenizer {
    guard arguments.has("tokenizer") != arguments.has("checkpoint") else {
        throw arguments.usage(
            arguments.has("tokenizer")
                ? "--tokenizer and --checkpoint cannot be combined."
                : "found no tokenizer; --tokenizer FILE or --checkpoint DIR is required.")
    }
    if arguments.has("checkpoint") { return try checkpointTokenizer(arguments.required("checkpoint"), console) }
    let text = try arguments.required("tokenizer")
    let choice: TokenizerChoice
    do throws(Failure) {
        choice = try TokenizerChoice(parsing: text)
    } catch {
        throw arguments.usage(error.message)
    }
    switch choice {
    case .byte: return ByteTokenizer()
    case .file(let path): return try existingTokenizer(path, console)
    case .learned, .byteLevel, .words, .made:
        throw arguments.usage(
            "--tokenizer: found \(text), which is learned from a text by dtrain prepare; allowed: byte, or "
                + "\(TokenizerSource.allowed).")
    }
}

/// The token IDs on a line.
private func tokens(in line: [UInt8], _ place: String, _ tokenizer: any Tokenizer) throws(Failure) -> [Int32] {
    var tokens: [Int32] = []
    for word in line.split(whereSeparator: { $0 == 0x20 || (0x09...0x0D).contains($0) }) {
        let text = String(decoding: word, as: UTF8.self)
        guard let token = Int32(text), token >= 0, Int(token) < tokenizer.vocabularySize else {
            throw Failure(
                .badData,
                "\(place): found '\(text.prefix(60))'; needed: token IDs from 0 to \(tokenizer.vocabularySize - 1), separated by "
                    + "spaces.")
        }
        tokens.append(token)
    }
    return tokens
}
