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
    /// If the tokens of a part of the text do not decode to it, so that it is unknown where each begins, the tokens of
    /// shorter parts tell which are before and behind the ends of the ranges.
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
        var nameStart: Int?
        for part in try markedParts(text) {
            if part.isName {
                append(part.tokens[0], part.range)
                nameStart = part.range.lowerBound
            } else if let ends = ends(of: part.tokens, in: text[part.range]) {
                for (index, token) in part.tokens.enumerated() {
                    append(token, (index == 0 ? part.range.lowerBound : ends[index - 1])..<ends[index])
                }
            } else {
                let first = tokens.count
                tokens += part.tokens
                isInside += Array(repeating: false, count: part.tokens.count)
                for range in ranges where range.overlaps(part.range) {
                    let start = try tokenRange(at: range.lowerBound, of: part, after: nameStart, in: text).lowerBound
                    let end = try tokenRange(at: range.upperBound, of: part, after: nameStart, in: text).upperBound
                    for index in start..<max(start, end) { isInside[first + index] = true }
                }
            }
        }
        return (tokens, isInside)
    }

    /// The tokens of a part that may have bytes on both sides of a place in the text; the tokens before them are before
    /// the place, those behind them are behind it.
    ///
    /// The text up to the place has the tokens of the whole text except for the last ones, and so has the text behind
    /// it except for the first ones.
    ///
    /// - Parameter nameStart: Where the name before the part begins; nil if the part is the start of the text.
    private func tokenRange(
        at place: Int, of part: MarkedPart, after nameStart: Int?, in text: [UInt8]
    ) throws(Failure) -> Range<Int> {
        let count = part.tokens.count
        if place <= part.range.lowerBound { return 0..<0 }
        if place >= part.range.upperBound { return count..<count }
        /// The number of tokens that a start of the text has in common with the part.
        func commonStart(_ end: Int) throws(Failure) -> Int {
            let start = try markedParts(Array(text[(nameStart ?? 0)..<end])).dropFirst(nameStart == nil ? 0 : 1)
            return zip(start.flatMap(\.tokens), part.tokens).prefix { $0 == $1 }.count
        }
        /// The number of the part's tokens that do not belong to the rest of it from a place on.
        func restStart(_ start: Int) throws(Failure) -> Int {
            var rest: [Int32] = []
            _ = try Array(text[start..<part.range.upperBound]).withUnsafeBufferPointer { bytes throws(Failure) in
                try encode(
                    UnsafeRawBufferPointer(bytes), isLast: true, after: text[start - 1], appendingTo: &rest)
            }
            return count - zip(rest.reversed(), part.tokens.reversed()).prefix { $0 == $1 }.count
        }
        var (before, behind) = (try commonStart(place), try restStart(place))
        // Near the place, the shorter text may have other tokens; a little away from it, the same ones.
        var (start, end) = (place, place)
        for _ in 0..<Self.distanceLimit where before + 1 < behind {
            start = max(part.range.lowerBound, start - 1)
            end = min(part.range.upperBound, end + 1)
            if isCharacterStart(text[start]) { before = max(before, try commonStart(start)) }
            if end == part.range.upperBound || isCharacterStart(text[end]) {
                behind = min(behind, try restStart(end))
            }
        }
        return min(before, behind)..<max(before, behind)
    }

    /// The number of bytes around a place in which other places are tried.
    private static var distanceLimit: Int { 32 }

    private func isCharacterStart(_ byte: UInt8) -> Bool { byte & 0xC0 != 0x80 }

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
