import Texts
import TokenizerPipelines
import Tokenizers

extension GGUFTokens {
    /// Describes a SentencePiece model.
    init(_ tokenizer: SentencePieceTokenizer) {
        let contents = tokenizer.contents
        guard let isUnigram = contents.isUnigram else {
            self.init(obstacle: "llama.cpp has no such kind of SentencePiece model")
            return
        }
        self.init()
        kind = isUnigram ? .unigram : .scoredPairs
        for piece in contents.pieces {
            // The types of GGUF are those of SentencePiece.
            append(piece.text, TokenType(rawValue: Int(piece.kind.rawValue))!, score: piece.score)
        }
        for name in tokenizer.pieceNames.dropFirst(contents.pieces.count) { append(name, .control, score: -1000) }
        flags = [("add_space_prefix", contents.addsSpace)]
        if isUnigram {
            flags.append(("remove_extra_whitespaces", contents.joinsSpaces))
            characterMap = contents.characterMap
            if contents.pieces.contains(where: { $0.kind == .byte }) { exceptions.append("characters without a piece") }
        } else if contents.joinsSpaces || !contents.characterMap.isEmpty {
            exceptions.append("texts that the model normalizes")
        }
        // Line breaks are user-defined pieces, which llama.cpp finds first, and begins anew behind them.
        if tokenizer.encodesLines { flags += [("add_bos_token", false), ("add_eos_token", false)] }
    }

    /// Describes the tokenizer of a `tokenizer.json`.
    init(_ tokenizer: PipelineTokenizer) {
        self.init()
        let pipeline = tokenizer.pipeline
        switch pipeline.contents {
        case .bytePairs(let pairs):
            if pipeline.marksWords {
                obstacle = "llama.cpp has no pieces with marks at the starts or ends of words"
            } else if pipeline.splitsBytes {
                describeByteLevel(pipeline, pairs)
            } else {
                describePairs(pipeline, pairs)
            }
        case .wordPieces(let prefix): describeWordPieces(pipeline, prefix)
        case .unigram(let scores): describeUnigram(pipeline, scores)
        case .words: obstacle = "llama.cpp has no vocabularies of whole words"
        }
        let (special, frame) = (tokenizer.specialTokens, pipeline.frame)
        let (first, last) = (frame.first ?? nil, frame.count > 1 ? frame[frame.count - 1] : nil)
        let isPiece = kind == .wordPieces
        flags += [
            ("add_bos_token", first != nil && (first == special.bos || isPiece && first == special.cls)),
            ("add_eos_token", last != nil && last == special.eos),
        ]
        if isPiece { flags.append(("add_sep_token", last != nil && last == special.sep)) }
    }

    /// Adds all tokens with their types.
    private mutating func appendTokens(
        of pipeline: TokenizerPipeline, named name: (String, TokenType) -> String = { name, _ in name },
        score: (Int) -> Float = { _ in 0 }
    ) {
        let added = Dictionary(pipeline.addedTokens.map { (Int($0.number), $0.isSpecial) }) { $1 }
        for (number, bytes) in pipeline.names.enumerated() {
            let text = String(decoding: bytes, as: UTF8.self)
            let isByte = kind != .byteLevel && pipeline.fallsBackToBytes && pipeline.byte(named: number) != nil
            let type: TokenType =
                if Int32(number) == pipeline.unknown, kind == .scoredPairs || kind == .unigram {
                    .unknown
                } else if isByte {
                    .byte
                } else {
                    added[number].map { $0 ? .control : .userDefined } ?? .normal
                }
            // User-defined tokens are searched in the text itself, which has spaces.
            let searched =
                kind == .scoredPairs && type == .userDefined
                ? text.exactParts(at: "\u{2581}").joined(separator: " ") : text
            append(name(searched, type), type, score: score(number))
        }
    }

    private mutating func describeByteLevel(
        _ pipeline: TokenizerPipeline, _ pairs: [TokenizerPipeline.Merge]
    ) {
        guard let splitting = pipeline.knownSplitting else {
            obstacle = "llama.cpp knows no rules that split texts in the same way"
            return
        }
        self.splitting =
            switch splitting {
            case .gpt2: "gpt-2"
            case .singleDigits: "starcoder"
            // The first keeps words that are tokens whole, the second does not.
            case .llama3, .cl100k: pipeline.ignoresMerges ? "llama-bpe" : "dbrx"
            case .qwen2: "qwen2"
            case .qwen3: "qwen35"
            case .o200k: "gpt-4o"
            case .nemo: "tekken"
            case .deepSeek: "deepseek-v3"
            }
        if splitting == .cl100k { exceptions.append("texts that end with spaces behind a line break") }
        if pipeline.changesCharacters { exceptions.append("texts that the tokenizer normalizes") }
        appendTokens(of: pipeline)
        merges = pairs.map { "\(texts[Int($0.left)]) \(texts[Int($0.right)])" }
    }

    private mutating func describePairs(_ pipeline: TokenizerPipeline, _ merges: [TokenizerPipeline.Merge]) {
        kind = .scoredPairs
        guard pipeline.fallsBackToBytes else {
            obstacle = "llama.cpp needs tokens of all bytes for characters without a token"
            return
        }
        // A token is the better the earlier a merge forms it.
        let ranks = Dictionary(merges.enumerated().map { (Int($1.result), $0) }) { first, _ in first }
        appendTokens(of: pipeline, score: { -Float(ranks[$0] ?? merges.count) })
        if !pipeline.mergesFollowScores { exceptions.append("words with pairs that have no merge of their own") }
        if pipeline.splitsWithinWords { exceptions.append("texts that the tokenizer splits within words") }
        if pipeline.changesCharacters { exceptions.append("texts that the tokenizer normalizes") }
        flags = [("add_space_prefix", pipeline.addsSpace)]
    }

    private mutating func describeWordPieces(_ pipeline: TokenizerPipeline, _ prefix: [UInt8]) {
        kind = .wordPieces
        guard prefix == Array("##".utf8) else {
            obstacle = "llama.cpp needs pieces that continue a word to begin with ##"
            return
        }
        // A piece that begins a word gets U+2581 instead of the others losing their mark.
        appendTokens(
            of: pipeline,
            named: { name, type in
                if type == .control || type == .unknown { return name }
                return name.withoutExactPrefix("##") ?? "\u{2581}\(name)"
            })
        let changes = pipeline.likeBERT
        flags = [
            ("normalizer.lowercase", changes?.lowercases ?? false),
            ("normalizer.strip_accents", changes?.stripsAccents ?? false),
        ]
        if changes?.isExact != true {
            exceptions.append("texts that BERT's tokenizer changes or splits in another way")
        }
    }

    private mutating func describeUnigram(_ pipeline: TokenizerPipeline, _ scores: [Double]) {
        kind = .unigram
        appendTokens(of: pipeline, score: { $0 < scores.count ? Float(scores[$0]) : -1000 })
        flags = [("add_space_prefix", pipeline.addsSpace), ("remove_extra_whitespaces", pipeline.joinsSpaces)]
        characterMap = pipeline.characterMap
        if pipeline.fallsBackToBytes { exceptions.append("characters without a piece") }
    }
}
