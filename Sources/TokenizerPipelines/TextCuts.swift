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

    /// The normalizer, which must keep the characters beside a cut.
    private var normalizer: TextNormalizer?
    /// What the normalizer makes of a space between letters.
    private var normalizedSpace: [UInt8] = [0x20]
    /// What stands for such a space behind the steps so far.
    private var space: [UInt8] = [0x20]

    /// No place is safe.
    init() {}

    /// Finds out what is safe for the steps of a tokenizer.
    ///
    /// - Parameter added: The tokens that are searched in the text, each with the text that is searched.
    init(
        _ normalizer: TextNormalizer?, _ splitting: Splitting, _ model: SubwordModel,
        added: [(text: [UInt8], token: AddedToken)]
    ) {
        self.normalizer = normalizer
        guard let space = normalized(Array("x y".utf8)), normalizer?.joinsWords != true else { return }
        (self.space, normalizedSpace) = (space, space)
        (beforeSpace, behindLineBreak) = (true, normalized(Array("x\ny".utf8)) == [0x0A])
        for (text, token) in added { restrict(text, token) }
        restrict(splitting, model)
    }

    /// What the normalizer makes of the text between two letters; nil if these do not remain letters.
    private func normalized(_ text: [UInt8]) -> [UInt8]? {
        var text = text
        normalizer?.apply(to: &text, continues: true)
        return text.withUnsafeBufferPointer { bytes in
            guard bytes.count > 2 else { return nil }
            let (text, kinds) = (UTF8Text(bytes), CharacterKinds.all)
            let (first, last) = (text.scalar(at: 0), text.scalar(before: bytes.count))
            guard first.count + last.count < bytes.count, kinds[first.value].has(.letter),
                kinds[last.value].has(.letter)
            else { return nil }
            return Array(bytes[first.count..<bytes.count - last.count])
        }
    }

    private mutating func forbid() { (beforeSpace, behindLineBreak) = (false, false) }

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

    /// Finds the step that always splits at a cut.
    private mutating func restrict(_ splitting: Splitting, _ model: SubwordModel) {
        for (index, step) in splitting.steps.enumerated() {
            switch step {
            case .split(let rules):
                for rule in rules {
                    switch cut(rule) {
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
                if space == [0x20] { space = metaspace.symbol }
                if metaspace.splits { return space == metaspace.symbol ? () : forbid() }
            case .bytes(let addsSpace, let splits):
                if addsSpace { behindLineBreak = false }
                if splits, space == [0x20] { return }
                if splits || index + 1 < splitting.steps.count { return forbid() }
            }
        }
        // Without such a step, the pieces of byte-pair encoding decide.
        let scalars = String(decoding: space, as: UTF8.self).unicodeScalars
        guard case .bytePairs = model, !splitting.endsWithBytes, scalars.count == 1,
            normalizer?.changesOnlySpaces ?? true
        else { return forbid() }
        pieceSpace = scalars.first?.value
    }

    private enum RuleCut { case always, beforeSpace, never, unsafe }

    /// Where a rule always splits: before a space between letters, and between a line break and a letter.
    private func cut(_ rule: SplitRule) -> RuleCut {
        let isolates = rule.behavior == .isolated || rule.behavior == .removed
        let hasSpace = space == [0x20]
        switch rule.pattern {
        case .letters, .deepSeek, .wordsAndOthers: return isolates && hasSpace ? .always : .unsafe
        case .character(let kind), .run(let kind, _):
            guard kind.has(.space) else { return .never }
            if rule.behavior == .mergedWithNext, hasSpace { return .beforeSpace }
            return isolates && hasSpace ? .always : .unsafe
        case .text([0x20]):
            if !hasSpace { return .never }
            return isolates || rule.behavior == .mergedWithNext ? .beforeSpace : .unsafe
        case .text(let text): return text.count > 1 && text.contains { $0 == 0x20 || $0 == 0x0A } ? .unsafe : .never
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
        /// The character at a place with the letters beside it.
        func window(_ place: Int) -> [UInt8] {
            let (before, behind) = (text.scalar(before: place).count, text.scalar(at: place + 1).count)
            return Array(bytes[place - before..<place + 1 + behind])
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
                guard pieceSpace == nil || neverJoins(0x0A, next.value, model) else { continue }
                if normalized(window(index)) == [0x0A] { return index + 1 }
            } else if byte == 0x20, beforeSpace {
                let last = text.scalar(before: index).value
                guard isLetter(last), pieceSpace.map({ neverJoins(last, $0, model) }) ?? true else { continue }
                if normalized(window(index)) == normalizedSpace { return index }
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
