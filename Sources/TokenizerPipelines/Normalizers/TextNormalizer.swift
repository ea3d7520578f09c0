/// A change of the text before it is split: a normalizer of `tokenizer.json`.
indirect enum TextNormalizer: Sendable {
    case sequence([TextNormalizer])
    case form(NormalizationForm)
    case lowercase
    case stripAccents
    case bert(BERTNormalizer)
    case replace(ReplacedPattern, by: [UInt8])
    case prepend([UInt8])
    case strip(left: Bool, right: Bool)
    case nmt
    case precompiled(CharacterMap)

    /// Changes a text.
    ///
    /// - Parameter continues: Whether the text is the rest of one whose start was encoded before.
    func apply(to text: inout [UInt8], continues: Bool) {
        switch self {
        case .sequence(let parts): for part in parts { part.apply(to: &text, continues: continues) }
        case .form(let form): TextNormalizer.normalize(&text, form)
        case .lowercase: TextNormalizer.lowercase(&text)
        case .stripAccents:
            TextNormalizer.change(&text) { kind, scalar, result in
                if !kind.has(.accent) { result.append(scalar: scalar) }
            }
        case .bert(let normalizer): normalizer.apply(to: &text)
        case .replace(let pattern, let content): pattern.replace(in: &text, by: content)
        case .prepend(let start): if !text.isEmpty, !continues { text.insert(contentsOf: start, at: 0) }
        case .strip(let left, let right): TextNormalizer.strip(&text, left: left, right: right)
        case .nmt: TextNormalizer.nmt(&text)
        case .precompiled(let map): map.apply(to: &text)
        }
    }

    /// Whether the text would stay as it is; false if that is not known at little cost.
    func keeps(_ text: UTF8Text) -> Bool {
        switch self {
        case .form(let form): TextNormalizer.isEverywhere(.stable(in: form), text)
        case .sequence(let parts): parts.allSatisfy { $0.keeps(text) }
        default: false
        }
    }

    /// Whether a change at a place depends on more than the characters beside it, across white space.
    var joinsWords: Bool {
        switch self {
        case .sequence(let parts): parts.contains(where: \.joinsWords)
        case .strip: true
        case .replace(.text(let text), _): text.count > 1 && text.contains { $0 == 0x20 || $0 == 0x0A }
        default: false
        }
    }

    /// Whether only spaces are replaced, and the start of the text is changed.
    var changesOnlySpaces: Bool {
        switch self {
        case .sequence(let parts): parts.allSatisfy(\.changesOnlySpaces)
        case .prepend, .replace(.text([0x20]), _): true
        default: false
        }
    }

    // MARK: Characters

    /// Whether every character has a property.
    private static func isEverywhere(_ property: CharacterKind, _ text: UTF8Text) -> Bool {
        let kinds = CharacterKinds.all
        var index = 0
        while index < text.bytes.count {
            let (scalar, count) = text.scalar(at: index)
            if scalar >= 0x80, !kinds[scalar].has(property) { return false }
            index += count
        }
        return true
    }

    /// Replaces the text by what `body` appends for each character.
    @inline(__always) static func change(
        _ text: inout [UInt8], _ body: (CharacterKind, UInt32, inout [UInt8]) -> Void
    ) {
        let kinds = CharacterKinds.all
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 8)
        text.withUnsafeBufferPointer { bytes in
            let text = UTF8Text(bytes)
            var index = 0
            while index < bytes.count {
                let (scalar, count) = text.scalar(at: index)
                body(kinds[scalar], scalar, &result)
                index += count
            }
        }
        text = result
    }

    static func normalize(_ text: inout [UInt8], _ form: NormalizationForm) {
        let scalars: [UInt32]? = text.withUnsafeBufferPointer { bytes in
            let text = UTF8Text(bytes)
            if isEverywhere(.stable(in: form), text) { return nil }
            var scalars: [UInt32] = []
            scalars.reserveCapacity(bytes.count)
            var index = 0
            while index < bytes.count {
                let (scalar, count) = text.scalar(at: index)
                scalars.append(scalar)
                index += count
            }
            return scalars
        }
        guard let scalars else { return }
        text.removeAll(keepingCapacity: true)
        for scalar in Decompositions.all.normalized(scalars, form) { text.append(scalar: scalar) }
    }

    static func lowercase(_ text: inout [UInt8]) {
        change(&text) { kind, scalar, result in
            if scalar < 0x80 {
                let isUpper = scalar &- 0x41 < 26
                result.append(UInt8(truncatingIfNeeded: isUpper ? scalar | 0x20 : scalar))
            } else if kind.has(.changesCase) {
                result.append(scalar: LetterCase.changes[scalar]!)
            } else if scalar == 0x130 {
                result += [0x69, 0xCC, 0x87]
            } else {
                result.append(scalar: scalar)
            }
        }
    }

    private static func strip(_ bytes: inout [UInt8], left: Bool, right: Bool) {
        let range = bytes.withUnsafeBufferPointer { bytes in
            let (text, kinds) = (UTF8Text(bytes), CharacterKinds.all)
            var (start, end) = (0, bytes.count)
            while left, start < end {
                let (scalar, count) = text.scalar(at: start)
                guard kinds[scalar].has(.space) else { break }
                start += count
            }
            while right, end > start {
                let (scalar, count) = text.scalar(before: end)
                guard kinds[scalar].has(.space) else { break }
                end -= count
            }
            return start..<end
        }
        if range != 0..<bytes.count { bytes = Array(bytes[range]) }
    }

    /// The rules of Google's translation models: control characters are removed, other spaces become spaces.
    private static func nmt(_ text: inout [UInt8]) {
        change(&text) { _, scalar, result in
            switch scalar {
            case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: break
            case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
                result.append(0x20)
            default: result.append(scalar: scalar)
            }
        }
    }
}

/// The normalizer of BERT: it cleans the text, sets Han characters apart, and removes accents and upper case.
struct BERTNormalizer: Sendable {
    var cleansText: Bool
    var separatesHan: Bool
    var stripsAccents: Bool
    var lowercases: Bool

    func apply(to text: inout [UInt8]) {
        if cleansText || separatesHan {
            TextNormalizer.change(&text) { kind, scalar, result in
                if cleansText, kind.has(.control) { return }
                if cleansText, kind.has(.space) { return result.append(0x20) }
                let isHan = separatesHan && CharacterKind.isHan(scalar)
                if isHan { result.append(0x20) }
                result.append(scalar: scalar)
                if isHan { result.append(0x20) }
            }
        }
        if stripsAccents {
            TextNormalizer.normalize(&text, .nfd)
            TextNormalizer.change(&text) { kind, scalar, result in
                if !kind.has(.nonspacing) { result.append(scalar: scalar) }
            }
        }
        if lowercases { TextNormalizer.lowercase(&text) }
    }
}

/// What the normalizer `Replace` replaces.
enum ReplacedPattern: Sendable {
    case text([UInt8])
    /// The pattern " {2,}": two or more spaces.
    case repeatedSpaces
    /// The pattern "\s+": any run of white space.
    case whiteSpace
    /// The pattern "[\n\r\t]": a line break or a tab.
    case lineBreak
    /// The pattern "\s{2,}|[\n\r\t]": two or more characters of white space, a line break or a tab.
    case repeatedWhiteSpaceOrLineBreak

    func replace(in text: inout [UInt8], by content: [UInt8]) {
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 8)
        text.withUnsafeBufferPointer { bytes in
            let (text, kinds) = (UTF8Text(bytes), CharacterKinds.all)
            var index = 0
            while index < bytes.count {
                let end = match(text, kinds, index)
                if end > index {
                    result += content
                    index = end
                } else {
                    result.append(bytes[index])
                    index += 1
                }
            }
        }
        text = result
    }

    /// The end of the match at `start`, or `start`.
    @inline(__always) private func match(_ text: UTF8Text, _ kinds: CharacterKinds, _ start: Int) -> Int {
        var end = start
        switch self {
        case .text(let wanted):
            guard text.bytes[start] == wanted[0], start + wanted.count <= text.bytes.count else { return start }
            for index in 0..<wanted.count where text.bytes[start + index] != wanted[index] { return start }
            return start + wanted.count
        case .repeatedSpaces:
            while end < text.bytes.count, text.bytes[end] == 0x20 { end += 1 }
            return end - start > 1 ? end : start
        case .lineBreak: return ReplacedPattern.isLineBreak(text.bytes[start]) ? start + 1 : start
        case .whiteSpace, .repeatedWhiteSpaceOrLineBreak:
            // A byte within a character is not the start of one.
            if text.bytes[start] & 0xC0 == 0x80 { return start }
            while end < text.bytes.count {
                let (scalar, count) = text.scalar(at: end)
                guard kinds[scalar].has(.space) else { break }
                end += count
            }
            guard case .repeatedWhiteSpaceOrLineBreak = self, end > start else { return end }
            let isSingle = end == start + text.scalar(at: start).count
            return isSingle && !ReplacedPattern.isLineBreak(text.bytes[start]) ? start : end
        }
    }

    private static func isLineBreak(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D || byte == 0x09 }
}
