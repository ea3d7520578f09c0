/// The text on which a tokenizer is trained: the whole training text, or every n-th line of a large one.
package struct TextSample {
    /// The lines, concatenated without line breaks.
    package private(set) var bytes: [UInt8] = []
    /// The end offset of each line.
    private(set) var ends: [Int] = []
    private let stride: Int
    /// Whether the lines keep their line breaks, and empty lines are kept.
    private let keepsLineBreaks: Bool
    private var lineCount = 0

    /// The maximum size in bytes: SentencePiece trains on this in about a minute with less than 1 GB of memory.
    package static let limitBytes = 32 << 20
    /// Longer lines are split, because SentencePiece skips lines of more than 4192 bytes.
    private static let lineBytes = 4096

    /// An empty sample for a text of about `totalBytes`.
    package init(totalBytes: Int, limitBytes: Int = TextSample.limitBytes, keepsLineBreaks: Bool = false) {
        self.keepsLineBreaks = keepsLineBreaks
        stride = max(0, totalBytes - 1) / limitBytes + 1
    }

    /// Adds the selected lines of the next part of the text.
    package mutating func append(_ text: UnsafeRawBufferPointer) {
        if keepsLineBreaks { return appendWholeLines(text) }
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

    private mutating func appendWholeLines(_ text: UnsafeRawBufferPointer) {
        var start = 0
        while start < text.count {
            let end = (text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count - 1) + 1
            if lineCount.isMultiple(of: stride) {
                bytes.append(contentsOf: text[start..<end])
                ends.append(bytes.count)
            }
            lineCount += 1
            start = end
        }
    }

    /// The length of the first part of a line: all of it or, if it is too long, up to a space or a character boundary.
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
    /// Replaces characters that get no token: SentencePiece never includes a tab in a piece.
    private static let gap = UInt8(ascii: "\t")

    /// The characters of the sample that can get tokens, most frequent first, ties in the order of code points; without
    /// the space, which always has a token.
    func characters() -> [(character: Unicode.Scalar, count: Int)] {
        var counts: [UInt32: Int] = [:]
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars { counts[scalar.value, default: 0] += 1 }
        for none in ["\t", " ", "\0", "\u{2581}"] as [Unicode.Scalar] { counts[none.value] = nil }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .compactMap { entry in Unicode.Scalar(entry.key).map { ($0, entry.value) } }
    }

    /// The sample with all characters replaced by `gap`, except those of `kept`.
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
