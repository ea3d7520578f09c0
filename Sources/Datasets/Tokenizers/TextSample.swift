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

// MARK: Characters

extension TextSample {
    /// What stands in the place of characters that get no token: SentencePiece never makes a piece of it, nor across it.
    private static let gap = UInt8(ascii: "\t")

    /// The characters of the sample that can get tokens, the most frequent first, and equally frequent ones in their order;
    /// without the space, which always has one.
    func characters() -> [(character: Unicode.Scalar, count: Int)] {
        var counts: [UInt32: Int] = [:]
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars { counts[scalar.value, default: 0] += 1 }
        for none in ["\t", " ", "\0", "\u{2581}"] as [Unicode.Scalar] { counts[none.value] = nil }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .compactMap { entry in Unicode.Scalar(entry.key).map { ($0, entry.value) } }
    }

    /// The sample with gaps in the place of all characters but those of `kept`.
    func keeping(_ kept: Set<Unicode.Scalar>) -> TextSample {
        var result = TextSample(totalBytes: 0)
        var start = 0
        for end in ends {
            for scalar in String(decoding: bytes[start..<end], as: UTF8.self).unicodeScalars {
                if scalar == " " || scalar == "\u{2581}" || kept.contains(scalar) {
                    result.bytes.append(contentsOf: String(scalar).utf8)
                } else {
                    result.bytes.append(TextSample.gap)
                }
            }
            result.ends.append(result.bytes.count)
            start = end
        }
        return result
    }
}
