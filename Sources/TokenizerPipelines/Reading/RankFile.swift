import Failures
import Files
import Texts

/// Reads a `.tiktoken` file: each line is a token in base64 and its rank, which is its number and the order of the
/// merges.
///
/// The file names neither the pattern that splits texts nor the special tokens. Both are known for the published
/// vocabularies, which are recognized by their number of ranks.
package enum RankFile {
    /// The patterns by name.
    package enum Pattern: String, CaseIterable, Sendable {
        case gpt2, cl100k, llama3, qwen2, o200k

        var letters: LetterPattern {
            switch self {
            case .gpt2: .gpt2
            case .cl100k: .cl100k
            case .llama3: .llama3
            case .qwen2: .qwen2
            case .o200k: .o200k
            }
        }
    }

    /// A published vocabulary.
    private struct Vocabulary {
        let ranks: Int
        let pattern: Pattern
        let special: [(number: Int, text: String)]
        /// The number of tokens; those without a name are reserved.
        let count: Int
    }

    private static let published = [
        Vocabulary(ranks: 50_256, pattern: .gpt2, special: [(50_256, "<|endoftext|>")], count: 50_257),
        Vocabulary(
            ranks: 100_256, pattern: .cl100k,
            special: [
                (100_257, "<|endoftext|>"), (100_258, "<|fim_prefix|>"), (100_259, "<|fim_middle|>"),
                (100_260, "<|fim_suffix|>"), (100_276, "<|endofprompt|>"),
            ], count: 100_277),
        Vocabulary(
            ranks: 128_000, pattern: .llama3,
            special: [
                (128_000, "<|begin_of_text|>"), (128_001, "<|end_of_text|>"), (128_006, "<|start_header_id|>"),
                (128_007, "<|end_header_id|>"), (128_009, "<|eot_id|>"),
            ], count: 128_256),
        Vocabulary(
            ranks: 151_643, pattern: .qwen2,
            special: [(151_643, "<|endoftext|>"), (151_644, "<|im_start|>"), (151_645, "<|im_end|>")], count: 151_646),
        Vocabulary(
            ranks: 199_998, pattern: .o200k, special: [(199_999, "<|endoftext|>"), (200_018, "<|endofprompt|>")],
            count: 200_019),
    ]

    /// Converts a file to the contents of a `tokenizer.json`.
    ///
    /// - Parameter pattern: nil for a published vocabulary. With a pattern, the only special token is <|endoftext|>,
    ///   behind the ranks.
    /// - Throws: `badData` for a malformed file, or one whose pattern is not known.
    package static func tokenizer(_ bytes: [UInt8], _ path: String, pattern: Pattern?) throws(Failure) -> JSON {
        let tokens = try tokens(bytes, path)
        let count = tokens.count
        let vocabulary: Vocabulary
        if let pattern {
            vocabulary = Vocabulary(
                ranks: count, pattern: pattern, special: [(count, "<|endoftext|>")], count: count + 1)
        } else if let known = published.first(where: { $0.ranks == count }) {
            vocabulary = known
        } else {
            let names = Pattern.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(
                .badData,
                "\(path): has \(count) ranks, and the file does not name its pattern; known without it: "
                    + "\(published.map { "\($0.ranks)" }.joined(separator: ", ")). Name the pattern: --tokenizer PATTERN:FILE "
                    + "with one of \(names).")
        }
        let special = (count..<vocabulary.count).map { number in
            vocabulary.special.first { $0.number == number } ?? (number, "<|reserved_\(number)|>")
        }
        return VocabularyFiles.byteLevel(
            vocabulary: tokens.enumerated().map { JSON.Member(name($1), .integer($0)) },
            merges: try merges(tokens, path),
            special: special,
            pattern: vocabulary.pattern == .gpt2 ? nil : SplitPattern.expression(of: vocabulary.pattern.letters),
            ignoresMerges: true)
    }

    private static func tokens(_ bytes: [UInt8], _ path: String) throws(Failure) -> [[UInt8]] {
        var tokens: [[UInt8]] = []
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
            func failure(_ found: String) -> Failure {
                Failure(
                    .badData, "\(path): line \(index + 1): \(found); needed: a token in base64, a space and its rank.")
            }
            let parts = line.split { $0 == 0x20 || $0 == 0x0D }
            guard parts.count == 2, let token = base64(String(decoding: parts[0], as: UTF8.self)), !token.isEmpty,
                let rank = Int(String(decoding: parts[1], as: UTF8.self))
            else { throw failure("found \(shortened(JSON.string(String(decoding: line, as: UTF8.self)).printedLine))") }
            guard rank == index else { throw failure("found the rank \(rank) instead of \(index)") }
            guard token.count <= 1 << 10 else {
                throw failure("found a token of \(token.count) bytes; at most 1,024 are allowed")
            }
            tokens.append(token)
        }
        guard !tokens.isEmpty else { throw Failure(.badData, "\(path): is empty; needed: tokens and their ranks.") }
        return tokens
    }

    private static func name(_ token: [UInt8]) -> String { token.map { VocabularyFiles.name(ofByte: $0) }.joined() }

    /// The merges: all pairs of tokens that form a token, in the order of the ranks of the token, then of its parts.
    private static func merges(_ tokens: [[UInt8]], _ path: String) throws(Failure) -> [JSON] {
        var ranks = TokenizerPipelines.Vocabulary(capacity: tokens.count)
        for (rank, token) in tokens.enumerated() {
            guard ranks.insert(token, Int32(rank)) else {
                throw Failure(.badData, "\(path): the token of rank \(rank) is listed before, too.")
            }
        }
        var merges: [JSON] = []
        for token in tokens where token.count > 1 {
            var pairs: [(left: Int32, right: Int32)] = []
            token.withUnsafeBufferPointer { bytes in
                for cut in 1..<bytes.count {
                    if let left = ranks.number(of: UnsafeBufferPointer(rebasing: bytes[..<cut])),
                        let right = ranks.number(of: UnsafeBufferPointer(rebasing: bytes[cut...]))
                    {
                        pairs.append((left, right))
                    }
                }
            }
            for (left, right) in pairs.sorted(by: <) {
                merges.append([.string(name(tokens[Int(left)])), .string(name(tokens[Int(right)]))])
            }
        }
        return merges
    }
}
