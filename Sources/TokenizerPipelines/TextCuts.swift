/// The places at which a text may be cut, so that the tokens of its parts are those of the whole.
///
/// The steps of a tokenizer look at characters beside each other. A cut is between two words of letters: before a
/// single space, or at the start of a line. Which of the two are safe follows from the steps; with neither, a text is
/// encoded as a whole.
struct TextCuts: Sendable {
    /// A letter, a space and a letter may be cut before the space.
    var beforeSpace = false
    /// A line break and a letter may be cut between them.
    var behindLineBreak = false
    /// The character that stands for a space if no step splits there, and only the model's pieces say whether a cut is
    /// safe.
    var pieceSpace: UInt32?

    /// No place is safe.
    init() {}

    /// Finds out what is safe for the steps of a tokenizer.
    ///
    /// - Parameter added: The tokens that are searched in the text, each with the text that is searched.
    init(
        _ normalizer: TextNormalizer?, _ splitting: Splitting, _ model: SubwordModel,
        added: [(text: [UInt8], token: AddedToken)]
    ) {
        (beforeSpace, behindLineBreak) = (true, true)
        if let normalizer { restrict(normalizer) }
        for (text, token) in added { restrict(text, token) }
        restrict(splitting, normalizer, model)
    }

    private mutating func forbid() { (beforeSpace, behindLineBreak) = (false, false) }

    private mutating func restrict(_ normalizer: TextNormalizer) {
        switch normalizer {
        case .sequence(let parts): for part in parts { restrict(part) }
        case .strip: forbid()
        case .replace(.text(let text), _):
            if text.count > 1, text.contains(where: { $0 == 0x20 || $0 == 0x0A }) { forbid() }
        // A single character is replaced wherever it is, and a run of spaces ends at a letter.
        default: break
        }
    }

    /// Forbids cuts within an added token and the white space that it takes.
    private mutating func restrict(_ bytes: [UInt8], _ token: AddedToken) {
        let kinds = CharacterKinds.all
        let scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars.map(\.value)
        let isLetter = scalars.map { kinds[$0].has(.letter) }
        for index in scalars.indices.dropLast() {
            if isLetter[index], scalars[index + 1] == 0x20 { beforeSpace = false }
            if scalars[index] == 0x0A, isLetter[index + 1] { behindLineBreak = false }
        }
        if isLetter.last == true, token.takesRight { beforeSpace = false }
        if isLetter.first == true, token.takesLeft { forbid() }
    }

    private mutating func restrict(_ splitting: Splitting, _ normalizer: TextNormalizer?, _ model: SubwordModel) {
        for step in splitting.steps {
            switch step {
            case .split(let rules):
                for rule in rules where !TextCuts.neverMatches(rule, normalizer) {
                    switch TextCuts.cut(rule) {
                    case .always: return
                    case .beforeSpace:
                        behindLineBreak = false
                        return
                    case .never: break
                    case .unsafe: return forbid()
                    }
                }
            case .metaspace(let metaspace):
                // The start of a line would get a symbol before it.
                behindLineBreak = false
                if metaspace.splits { return }
            case .bytes(let addsSpace, let splits):
                if addsSpace { behindLineBreak = false }
                if splits { return }
            }
        }
        restrict(toPiecesOf: model, splitting, normalizer)
    }

    /// Without a step that splits at spaces, the pieces of byte-pair encoding decide.
    private mutating func restrict(
        toPiecesOf model: SubwordModel, _ splitting: Splitting, _ normalizer: TextNormalizer?
    ) {
        guard case .bytePairs = model, !splitting.endsWithBytes, let space = TextCuts.space(splitting, normalizer)
        else {
            return forbid()
        }
        pieceSpace = space
    }

    /// The character that stands for a space in the pieces; nil if the steps change other characters too.
    private static func space(_ splitting: Splitting, _ normalizer: TextNormalizer?) -> UInt32? {
        var space: [UInt8] = [0x20]
        func follow(_ normalizer: TextNormalizer) -> Bool {
            switch normalizer {
            case .sequence(let parts): return parts.allSatisfy(follow)
            case .prepend: return true
            case .replace(.text([0x20]), let symbol):
                space = symbol
                return true
            default: return false
            }
        }
        if let normalizer, !follow(normalizer) { return nil }
        for step in splitting.steps {
            switch step {
            case .metaspace(let metaspace): if space == [0x20] { space = metaspace.symbol }
            case .split(let rules):
                guard rules.allSatisfy({ neverMatches($0, normalizer) }) else { return nil }
            case .bytes: return nil
            }
        }
        let scalars = String(decoding: space, as: UTF8.self).unicodeScalars
        return scalars.count == 1 ? scalars.first?.value : nil
    }

    /// Whether a rule searches a space, but the normalizer leaves none.
    private static func neverMatches(_ rule: SplitRule, _ normalizer: TextNormalizer?) -> Bool {
        func replacesSpaces(_ normalizer: TextNormalizer) -> Bool {
            switch normalizer {
            case .sequence(let parts): parts.last.map(replacesSpaces) ?? false
            case .replace(.text([0x20]), let symbol): !symbol.contains(0x20)
            default: false
            }
        }
        guard case .text([0x20]) = rule.pattern, let normalizer else { return false }
        return replacesSpaces(normalizer)
    }

    private enum RuleCut { case always, beforeSpace, never, unsafe }

    /// Where a rule always splits: before a space between letters, and between a line break and a letter.
    private static func cut(_ rule: SplitRule) -> RuleCut {
        let isolates = rule.behavior == .isolated || rule.behavior == .removed
        switch rule.pattern {
        case .letters, .deepSeek: return isolates ? .always : .unsafe
        case .wordsAndOthers: return isolates ? .always : .unsafe
        case .character(let kind), .run(let kind, _):
            guard kind.has(.space) else { return .never }
            return isolates ? .always : rule.behavior == .mergedWithNext ? .beforeSpace : .unsafe
        case .text(let text):
            if text == [0x20] { return isolates || rule.behavior == .mergedWithNext ? .beforeSpace : .unsafe }
            return text.count > 1 && text.contains { $0 == 0x20 || $0 == 0x0A } ? .unsafe : .never
        case .threeDigits, .hanAndKana: return .never
        }
    }

    /// The last safe place; nil if there is none.
    func last(in bytes: UnsafeBufferPointer<UInt8>, _ model: SubwordModel) -> Int? {
        guard beforeSpace || behindLineBreak, bytes.count > 2 else { return nil }
        let (text, kinds) = (UTF8Text(bytes), CharacterKinds.all)
        func isLetter(_ scalar: UInt32) -> Bool {
            TextCuts.scripts.contains { $0.contains(scalar) } && kinds[scalar].has(.letter)
                && NormalizationForm.allCases.allSatisfy { kinds[scalar].has(.stable(in: $0)) }
        }
        // Whole lines are preferred.
        if behindLineBreak, beforeSpace {
            var lines = self
            lines.beforeSpace = false
            let half = bytes.count / 2
            if let end = lines.last(in: UnsafeBufferPointer(rebasing: bytes[half...]), model) { return half + end }
        }
        var index = bytes.count - 1
        while index > 0 {
            defer { index -= 1 }
            let byte = bytes[index]
            guard byte == 0x20 || byte == 0x0A, index + 1 < bytes.count else { continue }
            let next = text.scalar(at: index + 1)
            // A character may be cut off at the end of the bytes.
            guard index + 1 + next.count < bytes.count, isLetter(next.value) else { continue }
            if byte == 0x0A, behindLineBreak, index > 0 {
                // Behind several characters of white space, a pattern may keep the last apart from the others.
                guard isLetter(text.scalar(before: index).value) else { continue }
                if pieceSpace == nil || neverJoins(0x0A, next.value, model) { return index + 1 }
            } else if byte == 0x20, beforeSpace {
                let last = text.scalar(before: index).value
                guard isLetter(last), pieceSpace.map({ neverJoins(last, $0, model) }) ?? true else { continue }
                return index
            }
        }
        return nil
    }

    private func neverJoins(_ left: UInt32, _ right: UInt32, _ model: SubwordModel) -> Bool {
        if case .bytePairs(let model) = model { model.neverJoins(left, right) } else { false }
    }

    /// Scripts whose letters never join the character beside them in a way that a normalizer or a search for clusters
    /// sees: Latin, Greek, Cyrillic, Hebrew, Arabic, kana and Han.
    private static let scripts: [ClosedRange<UInt32>] = [
        0x41...0x5A, 0x61...0x7A, 0xC0...0x24F, 0x370...0x52F, 0x5D0...0x5EA, 0x620...0x64A, 0x3041...0x3096,
        0x30A1...0x30FA, 0x4E00...0x9FA5,
    ]
}
