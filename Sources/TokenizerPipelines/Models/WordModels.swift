/// WordPiece: the longest piece that begins a word, then the longest that continues it, and so on.
///
/// - Source: Devlin et al. 2018, arXiv:1810.04805 (BERT).
struct WordPieceModel: Sendable {
    /// The pieces that begin a word.
    var beginnings: PieceTrie
    /// The pieces that continue one, without their prefix.
    var continuations: PieceTrie
    /// The prefix of pieces that continue a word.
    var prefix: [UInt8]
    /// The token of a word that cannot be split into pieces.
    var unknown: Int32
    /// A word of more characters is unknown.
    var characterLimit: Int

    /// Appends the tokens of a word.
    func encode(_ word: UnsafeBufferPointer<UInt8>, _ cache: WordCache, into tokens: inout [Int32]) {
        cache.append(word, to: &tokens) { tokens in
            let first = tokens.count
            var start = word.count <= characterLimit || UTF8Text(word).scalarCount <= characterLimit ? 0 : -1
            while start >= 0, start < word.count {
                let trie = start == 0 ? beginnings : continuations
                guard let (end, token) = trie.longest(in: word, at: start) else {
                    start = -1
                    break
                }
                tokens.append(token)
                start = end
            }
            if start < 0 {
                tokens.removeLast(tokens.count - first)
                tokens.append(unknown)
            }
        }
    }
}

/// A vocabulary of whole words.
struct WordLevelModel: Sendable {
    var vocabulary: Vocabulary
    /// The token of other words.
    var unknown: Int32

    /// Appends the token of a word.
    func encode(_ word: UnsafeBufferPointer<UInt8>, into tokens: inout [Int32]) {
        tokens.append(vocabulary.number(of: word) ?? unknown)
    }
}

/// A way from a word to tokens.
enum SubwordModel: Sendable {
    case bytePairs(BytePairModel)
    case wordPiece(WordPieceModel)
    case unigram(UnigramModel)
    case words(WordLevelModel)

    /// Appends the tokens of a word.
    @inline(__always) func encode(_ word: UnsafeBufferPointer<UInt8>, _ cache: WordCache, into tokens: inout [Int32]) {
        switch self {
        case .bytePairs(let model): model.encode(word, cache, into: &tokens)
        case .wordPiece(let model): model.encode(word, cache, into: &tokens)
        case .unigram(let model): model.encode(word, cache, into: &tokens)
        case .words(let model): model.encode(word, into: &tokens)
        }
    }
}
