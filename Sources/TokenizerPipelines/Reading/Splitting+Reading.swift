import Failures
import Texts

extension Splitting {
    /// Reads a pre-tokenizer; without one, a text is a single word.
    init(_ node: FileNode?) throws(Failure) {
        guard let node else { return }
        try append(node)
    }

    private mutating func append(_ node: FileNode) throws(Failure) {
        let kind = try node.kind()
        switch kind.exact {
        case "Sequence":
            try node.allow("type", "pretokenizers")
            for part in try node.list("pretokenizers") { try append(part) }
        case "ByteLevel":
            try node.allow("type", "add_prefix_space", "trim_offsets", "use_regex")
            steps.append(
                .bytes(
                    addsSpace: try node.flag("add_prefix_space", default: true),
                    splits: try node.flag("use_regex", default: true)))
        case "Metaspace": steps.append(.metaspace(try Metaspace(node)))
        case "Whitespace": add(SplitRule(pattern: .wordsAndOthers, behavior: .removed, isInverted: true))
        case "WhitespaceSplit": add(SplitRule(pattern: .character(.space), behavior: .removed))
        case "BertPreTokenizer":
            add(SplitRule(pattern: .character(.space), behavior: .removed))
            add(SplitRule(pattern: .character(.bertPunctuation)))
        case "Punctuation":
            try node.allow("type", "behavior")
            add(SplitRule(pattern: .character(.bertPunctuation), behavior: try behavior(node) ?? .isolated))
        case "Digits":
            try node.allow("type", "individual_digits")
            let isSingle = try node.flag("individual_digits", default: false)
            add(SplitRule(pattern: .character(.numeric), behavior: isSingle ? .isolated : .contiguous))
        case "CharDelimiterSplit":
            try node.allow("type", "delimiter")
            let delimiter = try node.required("delimiter")
            guard let text = delimiter.value.stringValue, text.unicodeScalars.count == 1 else {
                throw delimiter.wrong("one character")
            }
            add(SplitRule(pattern: .text(Array(text.utf8)), behavior: .removed))
        case "Split":
            try node.allow("type", "pattern", "behavior", "invert")
            guard let behavior = try behavior(node) else { throw node.failure("has no \"behavior\".") }
            add(
                SplitRule(
                    pattern: try SplitPattern(node.required("pattern")), behavior: behavior,
                    isInverted: try node.flag("invert", default: false)))
        default:
            throw node.unknownKind(
                kind,
                "ByteLevel, Metaspace, Whitespace, WhitespaceSplit, BertPreTokenizer, Punctuation, Digits, "
                    + "CharDelimiterSplit, Split and Sequence")
        }
    }

    /// Adds a rule to the step that splits, or begins one.
    private mutating func add(_ rule: SplitRule) {
        if case .split(let rules) = steps.last {
            steps[steps.count - 1] = .split(rules + [rule])
        } else {
            steps.append(.split([rule]))
        }
    }

    private func behavior(_ node: FileNode) throws(Failure) -> SplitRule.Behavior? {
        guard let name = try node.text("behavior") else { return nil }
        guard let behavior = SplitRule.Behavior(rawValue: name) else {
            throw node.unknownKind(name, SplitRule.Behavior.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return behavior
    }
}

extension SplitPattern {
    /// Reads the pattern of `Split`.
    fileprivate init(_ node: FileNode) throws(Failure) {
        if let text = try node.text("String") {
            guard !text.isEmpty else { throw node.failure("is an empty text; needed: one with characters.") }
            self = .text(Array(text.utf8))
            return
        }
        guard let expression = try node.text("Regex") else {
            throw node.failure("has neither \"String\" nor \"Regex\".")
        }
        guard let known = SplitPattern.known(expression) else {
            throw node.failure(
                "the regular expression \(shortened(expression)) is not one that dtrain knows; allowed: "
                    + "\(SplitPattern.knownNames).")
        }
        self = known
    }
}

extension Metaspace {
    /// Reads the pre-tokenizer or decoder.
    init(_ node: FileNode) throws(Failure) {
        try node.allow("type", "replacement", "str_rep", "add_prefix_space", "prepend_scheme", "split")
        let text = try node.text("replacement") ?? "\u{2581}"
        guard text.unicodeScalars.count == 1 else {
            throw node.failure("\"replacement\" is \(shortened(text)); needed: one character.")
        }
        let adds = try node.flag("add_prefix_space", default: true)
        let name = try node.text("prepend_scheme") ?? (adds ? "always" : "never")
        guard let prepending = Prepending(rawValue: name), adds || prepending == .never else {
            throw node.unknownKind(
                name, "a prepend_scheme always, first or never, the last if add_prefix_space is false")
        }
        self.init(symbol: Array(text.utf8), prepending: prepending, splits: try node.flag("split", default: true))
    }
}
