import Failures
import Files
import Texts
import TokenizerPipelines

/// A tokenizer in a file, of any kind that dtrain reads.
package enum TokenizerSource {
    /// What a file may be, for messages.
    package static let allowed =
        "a SentencePiece FILE.model, a tokenizer.json, a vocab.json beside its merges.txt, a vocab.txt or a FILE.tiktoken"

    /// The largest file in bytes.
    private static let bytesLimit = TokenizerDescription.modelBytesLimit

    /// Whether a path looks like a tokenizer's file, or is a directory.
    static func isPath(_ text: String) -> Bool {
        [".model", ".json", ".txt", ".tiktoken"].contains { text.hasExactSuffix($0) } || FileSystem.isDirectory(text)
    }

    /// Reads a tokenizer from a file, or from a directory with one.
    ///
    /// - Parameters:
    ///   - special: The special tokens that are known from elsewhere.
    ///   - limit: The number of tokens to which a SentencePiece model is completed with special tokens.
    /// - Throws: `badData` for a file of another kind, or with something that dtrain does not know; `inputOutput` if it
    ///   cannot be read.
    package static func load(
        _ path: String, special: SpecialTokens = .none, limit: Int = .max
    ) throws(Failure) -> any Tokenizer {
        if FileSystem.isDirectory(path) { return try load(try file(in: path), special: special, limit: limit) }
        if path.hasExactSuffix(".model") {
            let bytes = try FileSystem.contents(of: path, limitBytes: bytesLimit)
            // Llama 3 calls its ranks tokenizer.model, too.
            return bytes.first == UInt8(ascii: "I")
                ? try converted(RankFile.tokenizer(bytes, path, pattern: nil), path, special)
                : try SentencePieceTokenizer(model: bytes, source: path, limit: limit)
        }
        if path.hasExactSuffix(".tiktoken") { return try ranks(path, special) }
        if path.hasExactSuffix(".txt") {
            return path.hasExactSuffix("merges.txt") ? try gpt2(path, special) : try bert(path, special)
        }
        if path.hasExactSuffix("vocab.json") { return try gpt2(path, special) }
        let bytes = try FileSystem.contents(of: path, limitBytes: bytesLimit)
        return try pipeline(bytes, path, special)
    }

    /// The tokenizer's file in a directory: the first of the usual names.
    private static func file(in directory: String) throws(Failure) -> String {
        let names = [
            TokenizerDescription.pipelineFileName, TokenizerDescription.modelFileName, "vocab.json", "vocab.txt",
        ]
        for name in names where try FileSystem.isPresent("\(directory)/\(name)") { return "\(directory)/\(name)" }
        throw Failure(
            .badData, "\(directory): has no tokenizer; allowed: a directory with \(names.joined(separator: ", ")).")
    }

    private static func pipeline(
        _ bytes: [UInt8], _ path: String, _ special: SpecialTokens
    ) throws(Failure) -> any Tokenizer {
        let tokenizer = try PipelineTokenizer(model: bytes, source: path, special: special)
        let named = try PipelineTokenizer.specialTokens(
            configuration: beside(path, "tokenizer_config.json"), tokenizer.pipeline)
        return named == .none ? tokenizer : tokenizer.with(named, special)
    }

    private static func converted(
        _ json: JSON, _ path: String, _ special: SpecialTokens
    ) throws(Failure) -> any Tokenizer {
        try pipeline(Array(json.line.utf8), path, special)
    }

    private static func beside(_ path: String, _ name: String) -> String {
        let directory = path.exactParts(at: "/").dropLast()
        return directory.isEmpty ? name : "\(directory.joined(separator: "/"))/\(name)"
    }

    /// The ranks of a `.tiktoken` file, whose path may have the name of its pattern before it.
    private static func ranks(_ path: String, _ special: SpecialTokens) throws(Failure) -> any Tokenizer {
        let parts = path.exactParts(at: ":", maxSplits: 1)
        let pattern = parts.count == 2 ? RankFile.Pattern(rawValue: parts[0]) : nil
        let path = pattern == nil ? path : parts[1]
        let bytes = try FileSystem.contents(of: path, limitBytes: bytesLimit)
        return try converted(RankFile.tokenizer(bytes, path, pattern: pattern), path, special)
    }

    private static func gpt2(_ path: String, _ special: SpecialTokens) throws(Failure) -> any Tokenizer {
        let (vocabulary, merges) = (beside(path, "vocab.json"), beside(path, "merges.txt"))
        for part in [vocabulary, merges] where try !FileSystem.isPresent(part) {
            throw Failure(.badData, "\(part): is missing; needed beside each other: a vocab.json and its merges.txt.")
        }
        let bytes = (
            try FileSystem.contents(of: vocabulary, limitBytes: bytesLimit),
            try FileSystem.contents(of: merges, limitBytes: bytesLimit)
        )
        return try converted(
            VocabularyFiles.gpt2(vocabulary: bytes.0, vocabulary, merges: bytes.1, merges), path, special)
    }

    private static func bert(_ path: String, _ special: SpecialTokens) throws(Failure) -> any Tokenizer {
        let bytes = try FileSystem.contents(of: path, limitBytes: bytesLimit)
        let settings = beside(path, "tokenizer_config.json")
        var lowercases: Bool?
        if try FileSystem.isPresent(settings) {
            lowercases = try JSON(
                parsing: try FileSystem.contents(of: settings, limitBytes: 1 << 24), source: settings)[
                    "do_lower_case"]?.booleanValue
        }
        return try converted(VocabularyFiles.bert(bytes, path, lowercases: lowercases), path, special)
    }
}
