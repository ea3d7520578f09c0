/// A step that splits a text into words: a pre-tokenizer of `tokenizer.json`.
enum PreTokenizer: Sendable {
    /// The rules split one after the other, each what the one before has left.
    case split([SplitRule])
    /// Spaces become a symbol, which begins a word.
    case metaspace(Metaspace)
    /// Each byte becomes a character that can be seen; if `addsSpace`, words get a space before them first.
    case bytes(addsSpace: Bool, splits: Bool)
}

/// The pre-tokenizer of SentencePiece's models: spaces become a symbol.
struct Metaspace: Sendable {
    /// Which words get the symbol before them, if they do not begin with it.
    enum Prepending: String, CaseIterable, Sendable { case always, first, never }

    /// The symbol in UTF-8, usually U+2581.
    var symbol: [UInt8]
    var prepending = Prepending.always
    /// Whether the text is split before each symbol.
    var splits = true

    var rule: SplitRule { SplitRule(pattern: .text(symbol), behavior: .mergedWithNext) }
}

/// The steps that split a text into words.
struct Splitting: Sendable {
    var steps: [PreTokenizer] = []
    /// Whether the last step makes characters of bytes. The bytes are then kept as they are, and the model's pieces are
    /// bytes too.
    var endsWithBytes: Bool {
        if case .bytes = steps.last { true } else { false }
    }

    /// Calls `body` with each word of a text.
    ///
    /// - Parameter beginsText: Whether the text is the start of the whole text.
    func forEachWord(
        in text: UnsafeBufferPointer<UInt8>, beginsText: Bool, _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        if !text.isEmpty { apply(steps[...], text, [0..<text.count], beginsText, body) }
    }

    private func apply(
        _ steps: ArraySlice<PreTokenizer>, _ text: UnsafeBufferPointer<UInt8>, _ words: [Range<Int>],
        _ beginsText: Bool,
        _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        guard let step = steps.first else {
            for word in words { body(UnsafeBufferPointer(rebasing: text[word])) }
            return
        }
        let rest = steps.dropFirst()
        var rewritten: [UInt8] = []
        switch step {
        case .split(let rules): return apply(rest, text, split(text, words, rules), beginsText, body)
        case .metaspace(let metaspace):
            let found = words.map { rewrite(text, $0, metaspace, beginsText: beginsText, into: &rewritten) }
            rewritten.withUnsafeBufferPointer { text in
                apply(rest, text, metaspace.splits ? split(text, found, [metaspace.rule]) : found, beginsText, body)
            }
        case .bytes(let addsSpace, let splits):
            let rules = splits ? [SplitRule(pattern: .letters(.gpt2))] : []
            if rest.isEmpty, !addsSpace || words.allSatisfy({ text[$0.lowerBound] == 0x20 }) {
                // The splitting of the text as it is.
                return apply([], text, split(text, words, rules), beginsText, body)
            }
            let found = words.map { word in
                let start = rewritten.count
                if addsSpace, text[word.lowerBound] != 0x20 { rewritten.append(0x20) }
                rewritten += text[word]
                return start..<rewritten.count
            }
            rewritten.withUnsafeBufferPointer { text in
                let words = split(text, found, rules)
                if rest.isEmpty { return apply([], text, words, beginsText, body) }
                var visible: [UInt8] = []
                let found = words.map { word in
                    let start = visible.count
                    for byte in text[word] { visible.append(scalar: ByteCharacters.scalar(of: byte)) }
                    return start..<visible.count
                }
                visible.withUnsafeBufferPointer { apply(rest, $0, found, beginsText, body) }
            }
        }
    }

    private func split(
        _ text: UnsafeBufferPointer<UInt8>, _ words: [Range<Int>], _ rules: [SplitRule]
    ) -> [Range<Int>] {
        var words = words
        for rule in rules {
            var parts: [Range<Int>] = []
            parts.reserveCapacity(max(words.count, text.count / 4))
            for word in words {
                rule.split(UnsafeBufferPointer(rebasing: text[word]), offset: word.lowerBound, into: &parts)
            }
            words = parts
        }
        return words
    }

    /// Appends a word with symbols instead of spaces, and returns its range.
    private func rewrite(
        _ text: UnsafeBufferPointer<UInt8>, _ word: Range<Int>, _ metaspace: Metaspace, beginsText: Bool,
        into result: inout [UInt8]
    ) -> Range<Int> {
        let start = result.count
        let begins = text[word.lowerBound] == 0x20 || text[word].starts(with: metaspace.symbol)
        let prepends =
            switch metaspace.prepending {
            case .always: true
            case .first: beginsText && word.lowerBound == 0
            case .never: false
            }
        if prepends, !begins { result += metaspace.symbol }
        for byte in text[word] {
            if byte == 0x20 { result += metaspace.symbol } else { result.append(byte) }
        }
        return start..<result.count
    }
}

/// The visible characters that stand for bytes in byte-level vocabularies.
enum ByteCharacters {
    /// The characters of all bytes: the byte's own if it is visible, otherwise one from U+0100 on.
    private static let scalars: [UInt32] = {
        var next: UInt32 = 0x100
        return (0..<UInt32(256)).map { byte in
            let isVisible = (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
            defer { if !isVisible { next += 1 } }
            return isVisible ? byte : next
        }
    }()
    private static let bytes: [UInt32: UInt8] = Dictionary(
        uniqueKeysWithValues: scalars.enumerated().map { ($1, UInt8($0)) })

    /// The character of a byte.
    static func scalar(of byte: UInt8) -> UInt32 { scalars[Int(byte)] }

    /// The bytes for which the characters of a text stand; nil if one of them stands for no byte.
    static func bytes(of text: [UInt8]) -> [UInt8]? {
        text.withUnsafeBufferPointer { text in
            let (characters, bytes) = (UTF8Text(text), Self.bytes)
            var result: [UInt8] = []
            var index = 0
            while index < text.count {
                let (scalar, count) = characters.scalar(at: index)
                guard let byte = bytes[scalar] else { return nil }
                result.append(byte)
                index += count
            }
            return result
        }
    }
}
