import Failures

/// A part of a text in which the names of special tokens stand for these tokens.
package struct MarkedPart: Equatable, Sendable {
    /// Its bytes in the text.
    package var range: Range<Int>
    package var tokens: [Int32]
    /// Whether it is the name of a token.
    package var isName: Bool
}

extension Tokenizer {
    package func name(ofSpecial token: Int32) -> [UInt8] { specialTokens.name(of: token) }

    package func markedParts(_ text: [UInt8]) throws(Failure) -> [MarkedPart] {
        let special = specialTokens.all.map { (token: $0, name: name(ofSpecial: $0)) }.filter { !$0.name.isEmpty }
        var parts: [MarkedPart] = []
        var (start, index) = (0, 0)
        func end(at end: Int) throws(Failure) {
            guard start < end else { return }
            parts.append(
                MarkedPart(
                    range: start..<end, tokens: try encode(Array(text[start..<end]), withSpecial: false), isName: false)
            )
        }
        while index < text.count {
            let found = special.filter { text[index...].starts(with: $0.name) }.max { $0.name.count < $1.name.count }
            guard let found else {
                index += 1
                continue
            }
            try end(at: index)
            start = index + found.name.count
            parts.append(MarkedPart(range: index..<start, tokens: [found.token], isName: true))
            index = start
        }
        try end(at: text.count)
        return parts
    }

    /// Encodes a marked text, without special tokens around it, and tells which tokens have bytes in one of `ranges`.
    ///
    /// If the tokens of a part of the text do not decode to it, so that it is unknown where each begins, the part is cut
    /// at the ends of the ranges and the pieces are encoded separately.
    ///
    /// - Parameter ranges: Ranges of bytes in ascending order, which do not overlap.
    package func encodeMarked(
        _ text: [UInt8], ranges: [Range<Int>]
    ) throws(Failure) -> (tokens: [Int32], isInside: [Bool]) {
        var (tokens, isInside): ([Int32], [Bool]) = ([], [])
        func append(_ token: Int32, _ place: Range<Int>) {
            tokens.append(token)
            isInside.append(ranges.contains { place.lowerBound < $0.upperBound && place.upperBound > $0.lowerBound })
        }
        for part in try markedParts(text) {
            if part.isName {
                append(part.tokens[0], part.range)
            } else if let ends = ends(of: part.tokens, in: text[part.range]) {
                for (index, token) in part.tokens.enumerated() {
                    append(token, (index == 0 ? part.range.lowerBound : ends[index - 1])..<ends[index])
                }
            } else {
                let cuts = ranges.flatMap { [$0.lowerBound, $0.upperBound] }.filter {
                    part.range.lowerBound < $0 && $0 < part.range.upperBound
                }
                var start = part.range.lowerBound
                for end in cuts + [part.range.upperBound] where start < end {
                    for token in try encode(Array(text[start..<end]), withSpecial: false) { append(token, start..<end) }
                    start = end
                }
            }
        }
        return (tokens, isInside)
    }

    /// Where the bytes of each token end in a text; nil if the tokens do not decode to the text.
    private func ends(of tokens: [Int32], in text: ArraySlice<UInt8>) -> [Int]? {
        for startsLine in [true, false] {
            var state = DecodingState()
            state.startsLine = startsLine
            var (bytes, ends): ([UInt8], [Int]) = ([], [])
            for token in tokens {
                decode(token, after: &state, appendingTo: &bytes)
                ends.append(text.startIndex + bytes.count)
            }
            if bytes.elementsEqual(text) { return ends }
        }
        return nil
    }
}
