/// The regular expressions that split texts into words before byte-level byte-pair encoding: of GPT-2, cl100k (Llama
/// 3), Qwen2, o200k, CLIP and their relatives. They differ in a few points, and are matched without a general engine.
struct LetterPattern: Sendable, Equatable {
    /// What may stand before a run of letters.
    enum Prefix: Equatable { case none, space, anyButLettersNumbersAndLineBreaks }
    /// The endings 's, 't, 're, 've, 'm, 'll and 'd.
    enum Contractions: Equatable {
        case none, exactCase, anyCase
        /// In any case, at the end of a run of letters instead of as a word.
        case endWords
    }
    /// What a run of other characters takes with it behind its end.
    enum Tail: Equatable { case none, lineBreaks, lineBreaksAndSlashes }

    var contractions = Contractions.exactCase
    var prefix = Prefix.space
    /// Whether a word has upper case only at its start.
    var separatesCases = false
    /// Whether combining marks count as letters.
    var joinsMarks = false
    /// Whether a number may have a space before it.
    var numbersTakeSpace = false
    /// The longest number.
    var digitLimit = Int.max
    var tail = Tail.none
    /// Whether white space ends after its last line break.
    var lineBreaksEndSpaces = false
    /// Whether white space at the end of the text is one match in spite of that.
    var endKeepsSpaces = false
    /// Whether white space is matched, and other characters take a space before them.
    var matchesSpaces = true

    /// The end of the match at `start`; `start` if there is none.
    func match(_ text: UTF8Text, _ kinds: CharacterKinds, _ start: Int) -> Int {
        let (first, count) = text.scalar(at: start)
        let kind = kinds[first]
        if first == 0x27, contractions == .exactCase || contractions == .anyCase, let end = contraction(text, start) {
            return end
        }
        if let end = word(text, kinds, start, first, kind, count) { return end }
        let isSpace = first == 0x20 && matchesSpaces
        let next = start + count
        let (second, secondCount) = isSpace && next < text.bytes.count ? text.scalar(at: next) : (0, 0)
        if kind.has(.number) { return LetterPattern.run(of: .number, text, kinds, next, limit: digitLimit - 1) }
        if isSpace, numbersTakeSpace, secondCount > 0, kinds[second].has(.number) {
            return LetterPattern.run(of: .number, text, kinds, next + secondCount, limit: digitLimit - 1)
        }
        if isOther(kind) { return others(text, kinds, next) }
        if isSpace, secondCount > 0, isOther(kinds[second]) { return others(text, kinds, next + secondCount) }
        return matchesSpaces && kind.has(.space) ? spaces(text, kinds, start) : start
    }

    // MARK: Letters

    /// The end of 's, 't, 're, 've, 'm, 'll or 'd at `start`.
    private func contraction(_ text: UTF8Text, _ start: Int) -> Int? {
        func letter(_ index: Int) -> (value: UInt32, count: Int) {
            guard index < text.bytes.count else { return (0, 0) }
            let (scalar, count) = text.scalar(at: index)
            if contractions == .exactCase { return (scalar, count) }
            // The long s is an s in another case.
            return (scalar == 0x17F ? 0x73 : scalar &- 0x41 < 26 ? scalar | 0x20 : scalar, count)
        }
        let (first, count) = letter(start + 1)
        let end = start + 1 + count
        switch first {
        // s, t, m, d
        case 0x73, 0x74, 0x6D, 0x64: return end
        // re, ve
        case 0x72, 0x76: return letter(end).value == 0x65 ? end + 1 : nil
        // ll
        case 0x6C: return letter(end).value == 0x6C ? end + 1 : nil
        default: return nil
        }
    }

    private var letters: CharacterKind { joinsMarks ? [.letter, .mark] : .letter }

    /// The end of the letters at `start` with what may stand before them.
    @inline(__always) private func word(
        _ text: UTF8Text, _ kinds: CharacterKinds, _ start: Int, _ first: UInt32, _ kind: CharacterKind, _ count: Int
    ) -> Int? {
        if separatesCases { return casedWord(text, kinds, start, kind, first, count) }
        if kind.has(letters) { return LetterPattern.run(of: letters, text, kinds, start + count, limit: .max) }
        guard start + count < text.bytes.count, takesPrefix(first, kind) else { return nil }
        let (second, secondCount) = text.scalar(at: start + count)
        guard kinds[second].has(letters) else { return nil }
        return LetterPattern.run(of: letters, text, kinds, start + count + secondCount, limit: .max)
    }

    @inline(__always) private func takesPrefix(_ scalar: UInt32, _ kind: CharacterKind) -> Bool {
        switch prefix {
        case .none: false
        case .space: scalar == 0x20
        case .anyButLettersNumbersAndLineBreaks:
            scalar != 0x0A && scalar != 0x0D && !kind.has([.letter, .number])
        }
    }

    /// A word of o200k: upper case then lower case, or upper case alone; letters without case and marks belong to both.
    private func casedWord(
        _ text: UTF8Text, _ kinds: CharacterKinds, _ start: Int, _ kind: CharacterKind, _ first: UInt32, _ count: Int
    ) -> Int? {
        let hasPrefix = takesPrefix(first, kind)
        if !hasPrefix && !kind.has([.letter, .mark]) { return nil }
        let starts = hasPrefix ? [start + count, start] : [start]
        for alternative in [endOfLower, endOfUpper] {
            for begin in starts {
                guard let end = alternative(text, kinds, begin) else { continue }
                let hasEnding = contractions == .endWords && end < text.bytes.count && text.bytes[end] == 0x27
                return hasEnding ? contraction(text, end) ?? end : end
            }
        }
        return nil
    }

    /// [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+
    private func endOfLower(_ text: UTF8Text, _ kinds: CharacterKinds, _ start: Int) -> Int? {
        var index = start
        /// The end of the last character that belongs to the second part too.
        var last: Int?
        while index < text.bytes.count {
            let (scalar, count) = text.scalar(at: index)
            let kind = kinds[scalar]
            if kind.has(.lower) {
                return LetterPattern.run(of: [.lower, .otherLetter, .mark], text, kinds, index + count, limit: .max)
            }
            guard kind.has([.upper, .otherLetter, .mark]) else { break }
            index += count
            if !kind.has(.upper) { last = index }
        }
        return last
    }

    /// [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*
    private func endOfUpper(_ text: UTF8Text, _ kinds: CharacterKinds, _ start: Int) -> Int? {
        let end = LetterPattern.run(of: [.upper, .otherLetter, .mark], text, kinds, start, limit: .max)
        return end > start ? LetterPattern.run(of: [.lower, .otherLetter, .mark], text, kinds, end, limit: .max) : nil
    }

    // MARK: Other characters

    private func isOther(_ kind: CharacterKind) -> Bool {
        !kind.has([.space, .letter, .number]) && !(joinsMarks && kind.has(.mark))
    }

    /// The end of other characters from `start` on, with their tail.
    private func others(_ text: UTF8Text, _ kinds: CharacterKinds, _ start: Int) -> Int {
        var index = start
        while index < text.bytes.count {
            let (scalar, count) = text.scalar(at: index)
            guard isOther(kinds[scalar]) else { break }
            index += count
        }
        while tail != .none, index < text.bytes.count {
            let byte = text.bytes[index]
            guard byte == 0x0A || byte == 0x0D || byte == 0x2F && tail == .lineBreaksAndSlashes else { break }
            index += 1
        }
        return index
    }

    private func spaces(_ text: UTF8Text, _ kinds: CharacterKinds, _ start: Int) -> Int {
        LetterPattern.spaces(text, kinds, start, lineBreaksEnd: lineBreaksEndSpaces, endKeeps: endKeepsSpaces)
    }

    /// The end of \s*[\r\n]+ (if `lineBreaksEnd`), \s+(?!\S) or \s+
    static func spaces(
        _ text: UTF8Text, _ kinds: CharacterKinds, _ start: Int, lineBreaksEnd: Bool, endKeeps: Bool = false
    ) -> Int {
        var (index, last, lineBreak) = (start, start, 0)
        while index < text.bytes.count {
            let (scalar, count) = text.scalar(at: index)
            guard kinds[scalar].has(.space) else { break }
            last = index
            index += count
            if scalar == 0x0A || scalar == 0x0D { lineBreak = index }
        }
        if endKeeps, index == text.bytes.count { return index }
        if lineBreaksEnd, lineBreak > 0 { return lineBreak }
        return index == text.bytes.count || last == start ? index : last
    }

    /// The end of at most `limit` characters of a kind from `start` on.
    @inline(__always) static func run(
        of kind: CharacterKind, _ text: UTF8Text, _ kinds: CharacterKinds, _ start: Int, limit: Int
    ) -> Int {
        var (index, left) = (start, limit)
        while left > 0, index < text.bytes.count {
            let (scalar, count) = text.scalar(at: index)
            guard kinds[scalar].has(kind) else { break }
            index += count
            left -= 1
        }
        return index
    }
}
