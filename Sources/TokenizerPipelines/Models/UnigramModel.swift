/// A unigram language model: a word is split into the pieces with the highest sum of log-probabilities.
///
/// - Source: Kudo 2018, arXiv:1804.10959; the search and its ties as in the Rust library `tokenizers`.
struct UnigramModel: Sendable {
    private let trie: PieceTrie
    let scores: [Double]
    private let unknown: Int32
    private let unknownPiece: [UInt8]
    /// The tokens of single bytes, for text without a piece; nil: such text becomes the unknown token.
    let byteTokens: [Int32]?
    private let unknownScore: Double

    /// A model of pieces, whose tokens are their places in the list.
    init(_ pieces: [(text: [UInt8], score: Double)], unknown: Int32, byteTokens: [Int32]?) {
        var trie = PieceTrie(capacity: pieces.reduce(0) { $0 + $1.text.count })
        for (number, piece) in pieces.enumerated() where !piece.text.isEmpty { trie.insert(piece.text, Int32(number)) }
        self.trie = trie
        self.unknown = unknown
        unknownPiece = pieces[Int(unknown)].text
        self.byteTokens = byteTokens.flatMap { $0.contains(-1) ? nil : $0 }
        scores = pieces.map(\.score)
        // The penalty of `tokenizers` for a character without a piece.
        unknownScore = (scores.min() ?? 0) - 10
    }

    /// The best segmentation of the text up to a place.
    private struct Node {
        var score = 0.0
        /// The start of its last piece; -1: none was found yet.
        var start: Int32 = -1
        var token: Int32 = 0
    }

    /// Appends the tokens of a word.
    func encode(_ word: UnsafeBufferPointer<UInt8>, _ cache: WordCache, into tokens: inout [Int32]) {
        cache.append(word, to: &tokens) { encodeAnew(word, into: &$0) }
    }

    private func encodeAnew(_ word: UnsafeBufferPointer<UInt8>, into tokens: inout [Int32]) {
        if word.isEmpty { return }
        withUnsafeTemporaryAllocation(of: Node.self, capacity: word.count + 1) { best in
            best.initialize(repeating: Node())
            search(word, best)
            appendPath(word, best, to: &tokens)
        }
    }

    private func search(_ word: UnsafeBufferPointer<UInt8>, _ best: UnsafeMutableBufferPointer<Node>) {
        let text = UTF8Text(word)
        var start = 0
        while start < word.count {
            let score = best[start].score
            let count = text.scalar(at: start).count
            var hasCharacter = false
            func offer(_ end: Int, _ token: Int32, _ candidate: Double) {
                if best[end].start < 0 || candidate > best[end].score {
                    best[end] = Node(score: candidate, start: Int32(start), token: token)
                }
            }
            trie.forEachPiece(in: word, at: start) { end, token in
                offer(end, token, scores[Int(token)] + score)
                if end == start + count { hasCharacter = true }
            }
            if !hasCharacter { offer(start + count, unknown, unknownScore + score) }
            start += count
        }
    }

    /// Appends the best path; adjacent unknown characters are one piece.
    private func appendPath(
        _ word: UnsafeBufferPointer<UInt8>, _ best: UnsafeMutableBufferPointer<Node>, to tokens: inout [Int32]
    ) {
        let first = tokens.count
        var end = word.count
        while end > 0 {
            let node = best[end]
            var start = Int(node.start)
            if node.token == unknown {
                while start > 0, best[start].token == unknown { start = Int(best[start].start) }
                appendUnknown(word[start..<end], to: &tokens)
            } else {
                tokens.append(node.token)
            }
            end = start
        }
        tokens[first...].reverse()
    }

    /// Appends the tokens of text without a piece, last first.
    private func appendUnknown(_ text: Slice<UnsafeBufferPointer<UInt8>>, to tokens: inout [Int32]) {
        if let byteTokens, !text.elementsEqual(unknownPiece) {
            for byte in text.reversed() { tokens.append(byteTokens[Int(byte)]) }
        } else {
            tokens.append(unknown)
        }
    }
}
