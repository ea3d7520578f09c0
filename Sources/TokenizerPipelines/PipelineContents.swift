/// What the parts of a tokenizer are, for formats of other programs that have names for them.
extension TokenizerPipeline {
    /// Two tokens that byte-pair encoding joins.
    package struct Merge: Sendable {
        package let left: Int32
        package let right: Int32
        package let result: Int32
    }

    /// A way from words to tokens, with what other programs need to do the same.
    package enum Contents {
        /// The merges in their order: the tokens that are joined, and the result.
        case bytePairs([Merge])
        /// The prefix of pieces that continue a word.
        case wordPieces(prefix: [UInt8])
        /// The log-probability of each of the first tokens.
        case unigram([Double])
        /// A vocabulary of whole words.
        case words
    }

    /// How a byte-level tokenizer splits texts, as far as other programs do the same.
    package enum KnownSplitting: CaseIterable, Sendable {
        /// As GPT-2.
        case gpt2
        /// Each digit by itself, then as GPT-2.
        case singleDigits
        /// As Llama 3, whose vocabulary has some words that no merges form; and as GPT-4.
        case llama3, cl100k
        case qwen2, qwen3, o200k, nemo, deepSeek
    }

    /// The way from words to tokens.
    package var contents: Contents {
        switch model {
        case .bytePairs(let model): .bytePairs(model.mergeList)
        case .wordPiece(let model): .wordPieces(prefix: model.prefix)
        case .unigram(let model): .unigram(model.scores)
        case .words: .words
        }
    }

    /// Whether words are made of bytes, which visible characters represent in the names of tokens.
    package var splitsBytes: Bool { splitting.steps.contains { if case .bytes = $0 { true } else { false } } }

    /// Whether every text without a piece becomes tokens of single bytes.
    package var fallsBackToBytes: Bool {
        switch model {
        case .bytePairs(let model): model.byteTokens.map { !$0.contains(-1) } ?? false
        case .unigram(let model): model.byteTokens != nil
        case .wordPiece, .words: false
        }
    }

    /// The byte that the name of a token like "<0x0A>" means; nil for other tokens.
    package func byte(named token: Int) -> UInt8? { PipelineDecoder.byte(named: names[token]) }

    /// Whether a word that is a token stays whole, even if no merges form it.
    package var ignoresMerges: Bool {
        if case .bytePairs(let model) = model { model.ignoresMerges } else { false }
    }

    /// Whether the merges are those that a score of each token would give: every two tokens that form a token are
    /// merged, and the merges that form one token follow each other.
    package var mergesFollowScores: Bool {
        guard case .bytePairs(let model) = model else { return false }
        let merges = model.mergeList
        var seen: Set<Int32> = []
        for (index, merge) in merges.enumerated() {
            let isNew = seen.insert(merge.result).inserted
            if !isNew, merges[index - 1].result != merge.result { return false }
        }
        return model.mergesEveryPair(of: names)
    }

    /// Whether a text gets a space before it.
    package var addsSpace: Bool {
        var tokens: [Int32] = []
        Array("a".utf8).withUnsafeBufferPointer { encode($0, into: &tokens) }
        return tokens.first.map { names[Int($0)].starts(with: "\u{2581}".utf8) } ?? false
    }

    /// Whether pieces have marks at the starts or ends of words that are no characters of the text.
    package var marksWords: Bool {
        if case .bytePairs(let model) = model { !model.prefix.isEmpty || !model.suffix.isEmpty } else { false }
    }

    /// Whether the text is changed before it is split, other than by symbols for spaces.
    package var changesCharacters: Bool { normalizer.map { !$0.changesOnlySpaces } ?? false }

    /// Whether runs of spaces become one, and those at the ends of the text are removed.
    package var joinsSpaces: Bool { normalizer?.joinsSpaces ?? false }

    /// The rules of a SentencePiece model that replace characters, in its format; empty if there are none.
    package var characterMap: [UInt8] { normalizer?.characterMap?.serialized ?? [] }

    /// The changes of BERT's normalizer: whether letters become lower case and lose their accents, and whether all else
    /// is as in BERT, too; nil if texts are normalized in another way.
    package var likeBERT: (lowercases: Bool, stripsAccents: Bool, isExact: Bool)? {
        guard case .bert(let normalizer) = normalizer else { return nil }
        var splitsAlike = false
        if splitting.steps.count == 1, case .split(let rules) = splitting.steps[0] {
            splitsAlike =
                rules == [
                    SplitRule(pattern: .character(.space), behavior: .removed),
                    SplitRule(pattern: .character(.bertPunctuation)),
                ]
        }
        return (
            normalizer.lowercases, normalizer.stripsAccents,
            splitsAlike && normalizer.cleansText && normalizer.separatesHan
        )
    }

    /// Whether texts are split at other places than at spaces.
    package var splitsWithinWords: Bool {
        splitting.steps.contains { if case .metaspace = $0 { false } else { true } }
    }

    /// How a byte-level tokenizer splits texts; nil if it is none, or splits in a way without a name.
    package var knownSplitting: KnownSplitting? {
        guard case .bytes(false, let splits) = splitting.steps.last, splitting.steps.count <= 2 else { return nil }
        var rules: [SplitRule] = []
        if splitting.steps.count == 2 {
            guard case .split(let first) = splitting.steps[0] else { return nil }
            rules = first
        }
        if splits { rules.append(SplitRule(pattern: .letters(.gpt2))) }
        // Without merges, tokens do not depend on how a text is split.
        if rules.isEmpty, case .bytePairs(let model) = model, model.mergeList.isEmpty { return .gpt2 }
        return KnownSplitting.allCases.first { $0.rules == rules }
    }
}

extension TokenizerPipeline.KnownSplitting {
    fileprivate var rules: [SplitRule] {
        let patterns: [SplitPattern] =
            switch self {
            case .gpt2: [.letters(.gpt2)]
            case .singleDigits: [.character(.numeric), .letters(.gpt2)]
            case .llama3: [.letters(.llama3)]
            case .cl100k: [.letters(.cl100k)]
            case .qwen2: [.letters(.qwen2)]
            case .qwen3: [.letters(.qwen3)]
            case .o200k: [.letters(.o200k)]
            case .nemo: [.letters(.nemo)]
            case .deepSeek: [.run(.number, limit: 3), .hanAndKana, .deepSeek]
            }
        return patterns.map { SplitRule(pattern: $0) }
    }
}

extension TextNormalizer {
    /// Whether runs of spaces become one.
    fileprivate var joinsSpaces: Bool {
        switch self {
        case .sequence(let parts): parts.contains(where: \.joinsSpaces)
        case .replace(.repeatedSpaces, _), .replace(.whiteSpace, _), .replace(.repeatedWhiteSpaceOrLineBreak, _): true
        default: false
        }
    }

    /// The table of replacements of a SentencePiece model.
    fileprivate var characterMap: CharacterMap? {
        switch self {
        case .sequence(let parts): parts.lazy.compactMap(\.characterMap).first
        case .precompiled(let map): map
        default: nil
        }
    }
}
