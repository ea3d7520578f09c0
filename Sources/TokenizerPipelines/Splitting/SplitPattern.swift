/// What a pre-tokenizer searches in the text.
enum SplitPattern: Sendable, Equatable {
    /// One of the regular expressions of byte-level tokenizers.
    case letters(LetterPattern)
    /// The regular expression of DeepSeek, which leaves numbers and invisible characters unmatched.
    case deepSeek
    /// A text.
    case text([UInt8])
    /// A single character with any of the properties.
    case character(CharacterKind)
    /// A run of at most that many characters with any of the properties.
    case run(CharacterKind, limit: Int)
    /// A run of word characters, or of characters that are neither in words nor white space: \w+|[^\w\s]+
    case wordsAndOthers
    /// Three of the digits 0 to 9.
    case threeDigits
    /// A run of Han characters and kana: [一-龥぀-ゟ゠-ヿ]+
    case hanAndKana

    /// The end of the match at `start`; `start` if there is none.
    @inline(__always) func match(_ text: UTF8Text, _ kinds: CharacterKinds, _ start: Int) -> Int {
        switch self {
        case .letters(let pattern): return pattern.match(text, kinds, start)
        case .deepSeek: return SplitPattern.deepSeek(text, kinds, start)
        case .text(let wanted):
            guard start + wanted.count <= text.bytes.count else { return start }
            for index in wanted.indices where text.bytes[start + index] != wanted[index] { return start }
            return start + wanted.count
        case .character(let kind):
            return SplitPattern.run(text, start, limit: 1) { kinds[$0].has(kind) }
        case .run(let kind, let limit):
            return SplitPattern.run(text, start, limit: limit) { kinds[$0].has(kind) }
        case .wordsAndOthers:
            let end = SplitPattern.run(text, start, limit: .max) { kinds[$0].has(.word) }
            if end > start { return end }
            return SplitPattern.run(text, start, limit: .max) { !kinds[$0].has([.word, .space]) }
        case .threeDigits:
            let end = SplitPattern.run(text, start, limit: 3) { $0 &- 0x30 < 10 }
            return end == start + 3 ? end : start
        case .hanAndKana:
            return SplitPattern.run(text, start, limit: .max) {
                (0x4E00...0x9FA5).contains($0) || (0x3040...0x30FF).contains($0)
            }
        }
    }

    private static func deepSeek(_ text: UTF8Text, _ kinds: CharacterKinds, _ start: Int) -> Int {
        let (first, count) = text.scalar(at: start)
        let (kind, next) = (kinds[first], start + count)
        let (second, secondCount) = next < text.bytes.count ? text.scalar(at: next) : (0, 0)
        let signs: CharacterKind = [.punctuation, .symbol]
        let letters: CharacterKind = [.letter, .mark]
        if first < 0x80, kind.has(signs) {
            let end = run(text, next, limit: .max) { ($0 | 0x20) &- 0x61 < 26 }
            if end > next { return end }
        }
        if kind.has(letters) { return LetterPattern.run(of: letters, text, kinds, next, limit: .max) }
        if first != 0x0A, first != 0x0D, !kind.has(signs), secondCount > 0, kinds[second].has(letters) {
            return LetterPattern.run(of: letters, text, kinds, next + secondCount, limit: .max)
        }
        if kind.has(signs) || first == 0x20 && secondCount > 0 && kinds[second].has(signs) {
            let end = LetterPattern.run(of: signs, text, kinds, next, limit: .max)
            return run(text, end, limit: .max) { $0 == 0x0A || $0 == 0x0D }
        }
        return kind.has(.space) ? LetterPattern.spaces(text, kinds, start, lineBreaksEnd: true) : start
    }

    @inline(__always) private static func run(
        _ text: UTF8Text, _ start: Int, limit: Int, _ belongs: (UInt32) -> Bool
    ) -> Int {
        var (index, left) = (start, limit)
        while left > 0, index < text.bytes.count {
            let (scalar, count) = text.scalar(at: index)
            guard belongs(scalar) else { break }
            index += count
            left -= 1
        }
        return index
    }
}

/// A search for a pattern, and what becomes of the text that it finds.
struct SplitRule: Sendable, Equatable {
    /// What becomes of what was found.
    enum Behavior: String, Sendable, CaseIterable {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    var pattern: SplitPattern
    var behavior = Behavior.isolated
    /// Whether the text between the matches is what is found.
    var isInverted = false

    /// Appends the parts of a text to `words`, as ranges of the text behind `offset`.
    func split(_ bytes: UnsafeBufferPointer<UInt8>, offset: Int, into words: inout [Range<Int>]) {
        let (text, kinds) = (UTF8Text(bytes), CharacterKinds.all)
        let first = words.count
        var (start, index, wasFound) = (0, 0, false)
        func add(_ end: Int, isMatch: Bool) {
            guard end > start else { return }
            let range = offset + start..<offset + end
            let isFound = isMatch != isInverted
            switch behavior {
            case .removed: if !isFound { words.append(range) }
            case .isolated: words.append(range)
            case .contiguous:
                if words.count > first, isFound == wasFound {
                    words[words.count - 1] = words[words.count - 1].lowerBound..<range.upperBound
                } else {
                    words.append(range)
                }
            case .mergedWithPrevious:
                if words.count > first, isFound, !wasFound {
                    words[words.count - 1] = words[words.count - 1].lowerBound..<range.upperBound
                } else {
                    words.append(range)
                }
            case .mergedWithNext:
                if words.count > first, wasFound, !isFound {
                    words[words.count - 1] = words[words.count - 1].lowerBound..<range.upperBound
                } else {
                    words.append(range)
                }
            }
            wasFound = isFound
            start = end
        }
        while index < bytes.count {
            let end = pattern.match(text, kinds, index)
            if end > index {
                add(index, isMatch: false)
                add(end, isMatch: true)
                index = end
            } else {
                index += text.scalar(at: index).count
            }
        }
        add(index, isMatch: false)
    }
}
