import Failures
import Files
import Texts
import TokenizerPipelines

/// Makes a tokenizer of the most frequent words of a text, and describes it in a `tokenizer.json`: each word, in lower
/// case, and each punctuation mark is a token.
package enum WordTraining {
    private static let unknown = "<unk>"
    /// The special tokens, whose numbers are their places.
    private static let special = ["<pad>", unknown, "<s>", "</s>", "<cls>", "<sep>", "<mask>"]
    /// The words of this many bytes at once are counted.
    private static let partBytes = 1 << 20

    /// Makes a tokenizer of at most `size` tokens. All other words become one unknown token.
    ///
    /// - Throws: `usage` if `size` leaves no space for a word.
    package static func learn(size: Int, from sample: TextSample) throws(Failure) -> PipelineTokenizer {
        guard size > special.count else {
            throw Failure(
                .usage,
                "--tokenizer word:\(size): special tokens alone need \(special.count) tokens. Allowed: more than that.")
        }
        let words = try counts(of: sample.bytes)
            .sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .prefix(size - special.count).map(\.key.text)
        return try tokenizer(special + words)
    }

    private static func tokenizer(_ names: [String]) throws(Failure) -> PipelineTokenizer {
        let file = VocabularyFiles.words(
            vocabulary: names.enumerated().map { JSON.Member($1, .integer($0)) },
            special: special.enumerated().map { ($0, $1) }, unknown: unknown)
        return try PipelineTokenizer(model: Array(file.line.utf8), source: "The learned tokenizer")
    }

    /// How often each word occurs in `text`, except words that are named like a special token.
    private static func counts(of text: [UInt8]) throws(Failure) -> [ExactText: Int] {
        let pipeline = try tokenizer(special).pipeline
        var counts: [ExactText: Int] = [:]
        var rest = text[...]
        while !rest.isEmpty {
            // Words do not cross line breaks.
            let end = rest.dropFirst(partBytes).firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            Array(rest[..<end]).withUnsafeBufferPointer {
                pipeline.forEachWord(in: $0) { word in
                    counts[ExactText(String(decoding: word, as: UTF8.self)), default: 0] += 1
                }
            }
            rest = rest[end...].dropFirst()
        }
        for name in special { counts[name.exact] = nil }
        return counts
    }
}
