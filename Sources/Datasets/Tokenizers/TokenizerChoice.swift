import CSentencePiece
import Failures
import Files
import Texts

/// Which tokenizer a dataset is to be prepared with.
package enum TokenizerChoice: Sendable {
    /// One token a byte, and special tokens where the kind of dataset needs them.
    case byte
    /// One that SentencePiece learns from the training text, with that many tokens.
    case learned(TokenizerAlgorithm, size: Int)
    /// A file that SentencePiece wrote.
    case model(String)
    /// One that exists already.
    case made(any Tokenizer)

    /// What a person writes: `byte`, `bpe:SIZE`, `unigram:SIZE` or `FILE.model`.
    ///
    /// - Throws: `usage` for anything else.
    package init(parsing text: String) throws(Failure) {
        let parts = text.exactParts(at: ":", maxSplits: 1)
        if text == "byte" {
            self = .byte
        } else if let algorithm = TokenizerAlgorithm(rawValue: parts[0]) {
            guard parts.count == 2, let size = Int32(parts[1]), size > 0, size <= 1 << 24 else {
                throw Failure(
                    .usage,
                    "--tokenizer: found \(text); \(algorithm.rawValue) needs its number of tokens, from 1 to \(1 << 24), "
                        + "for example \(algorithm.rawValue):8000.")
            }
            self = .learned(algorithm, size: Int(size))
        } else if text.hasExactSuffix(".model") {
            self = .model(text)
        } else {
            throw Failure(
                .usage, "--tokenizer: found \(text); allowed: byte, bpe:SIZE, unigram:SIZE, or a FILE.model.")
        }
    }
}

/// How SentencePiece learns a tokenizer.
package enum TokenizerAlgorithm: String, CaseIterable, Sendable {
    /// Byte-pair encoding: Sennrich, Haddow & Birch 2016, arXiv:1508.07909.
    case bpe
    /// A unigram language model: Kudo 2018, arXiv:1804.10959.
    case unigram

    /// Learns a model of `size` tokens from `sample`. The same sample gives the same bytes.
    ///
    /// No text is unknown to it and none is changed: characters without a piece fall back to bytes. Its special tokens
    /// are pieces: <pad>, <unk>, <s>, </s>, <cls>, <sep>, <mask>; a line break is one too.
    ///
    /// - Throws: `usage` where the sample cannot fill so many tokens, or needs more.
    func learn(size: Int, from sample: TextSample) throws(Failure) -> [UInt8] {
        guard !sample.ends.isEmpty else {
            throw Failure(
                .usage,
                "--tokenizer \(rawValue):\(size): cannot be learned from a training text without a character but line "
                    + "breaks. Prepare more text, or --tokenizer byte.")
        }
        var error = csentencepiece_error()
        var count = 0
        let model = sample.bytes.withUnsafeBytes { bytes in
            sample.ends.withUnsafeBufferPointer { ends in
                csentencepiece_train(
                    rawValue, Int32(size), "<cls>,<sep>,<mask>", bytes.bindMemory(to: CChar.self).baseAddress,
                    ends.baseAddress, ends.count, &count, &error)
            }
        }
        guard let model else {
            throw Failure(
                .usage,
                "--tokenizer \(rawValue):\(size): cannot be learned from \(sample.bytes.count) bytes of training text: "
                    + TokenizerAlgorithm.reason(error))
        }
        defer { csentencepiece_release(model) }
        return Array(UnsafeRawBufferPointer(start: model, count: count))
    }

    /// Why SentencePiece did not learn a model, in words of our options; its own sentences are looked into, not shown.
    private static func reason(_ error: csentencepiece_error) -> String {
        let said = withUnsafeBytes(of: error.text) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if let sentence = said.firstRange(of: "smaller than required_chars") {
            if let least = numbers(in: said[sentence.upperBound...]).dropFirst().first {
                return "its bytes, characters and special tokens alone are \(least). Allowed: at least \(least) tokens."
            }
        }
        if let sentence = said.firstRange(of: "too high"), let most = numbers(in: said[sentence.upperBound...]).last {
            return "it has no more pieces. Allowed: at most \(most) tokens."
        }
        return
            "it is too short or too uniform for that many. Choose another number of tokens, prepare more text, or use "
            + "--tokenizer byte."
    }

    private static func numbers(in text: Substring) -> [Int] { text.split { !$0.isNumber }.compactMap { Int($0) } }
}

/// The part of a training text that a tokenizer is learned from: all of it, or every n-th line of a large one.
struct TextSample {
    /// The lines, without their ends, one after another.
    private(set) var bytes: [UInt8] = []
    /// Where each line ends.
    private(set) var ends: [Int] = []
    private let stride: Int
    private var lineCount = 0

    /// What SentencePiece learns from in about a minute and within a gigabyte.
    static let limitBytes = 32 << 20
    /// A longer line counts as several: SentencePiece skips lines of more than 4192 bytes.
    private static let lineBytes = 4096

    /// An empty sample of a text of about `totalBytes`.
    init(totalBytes: Int, limitBytes: Int = TextSample.limitBytes) {
        stride = max(0, totalBytes - 1) / limitBytes + 1
    }

    /// Takes the next lines of the text into account.
    mutating func append(_ text: UnsafeRawBufferPointer) {
        for line in text.split(separator: UInt8(ascii: "\n")) {
            var rest = line
            while !rest.isEmpty {
                let part = rest.prefix(TextSample.end(ofPart: rest))
                rest = rest.dropFirst(part.count)
                if lineCount.isMultiple(of: stride) {
                    bytes.append(contentsOf: part)
                    ends.append(bytes.count)
                }
                lineCount += 1
            }
        }
    }

    /// The length of the first part of a line: up to a space where it is too long, or to a character.
    private static func end(ofPart line: Slice<UnsafeRawBufferPointer>) -> Int {
        guard line.count > lineBytes else { return line.count }
        if let space = line.prefix(lineBytes).lastIndex(of: UInt8(ascii: " ")), space > line.startIndex {
            return space - line.startIndex
        }
        var end = lineBytes
        while end > lineBytes - 3, line[line.startIndex + end] & 0xC0 == 0x80 { end -= 1 }
        return end
    }
}
