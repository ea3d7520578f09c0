import Files

/// BPE-dropout of short words with the pieces of a SentencePiece model: of all adjacent symbols that together are a
/// piece and are not dropped, the pair with the highest score is merged, the leftmost of equals, until there is none.
///
/// - Source: Provilkov, Emelianenko & Voita 2020, arXiv:1910.13267, algorithm 1; ties and unknown characters as in
///   SentencePiece 0.1.97.
struct BytePairMerges: Sendable {
    /// A symbol of a word, and the piece that it forms together with the next one.
    private struct Symbol {
        var start: Int
        var end: Int
        var token: Int32
        var merged: Int32 = -1
        var score: Float = 0
    }

    private let table: PieceTable

    /// Encoding with the pieces of `table`.
    init(_ table: PieceTable) { self.table = table }

    /// Appends the tokens of a word, whose spaces are all at its start.
    ///
    /// - Parameters:
    ///   - word: At most `WordCache.wordBytesLimit` bytes: the time grows with the square of the length.
    ///   - isDropped: Called once a step for every pair that could be merged; a pair for which it returns true is not
    ///     merged in this step.
    /// - Returns: Whether the word is UTF-8; otherwise nothing is appended.
    func encode(
        _ word: UnsafeRawBufferPointer, isDropped: () -> Bool, appendingTo tokens: inout [Int32]
    ) -> Bool {
        var validator = UTF8Validator()
        guard validator.firstMalformedOffset(in: word) == nil, validator.unfinishedOffset == nil else { return false }
        withUnsafeTemporaryAllocation(of: Symbol.self, capacity: word.count) { symbols in
            var count = 0
            for index in 0..<word.count where word[index] & 0xC0 != 0x80 {
                if count > 0 { symbols[count - 1].end = index }
                symbols.initializeElement(at: count, to: Symbol(start: index, end: word.count, token: -1))
                count += 1
            }
            for index in 0..<count {
                symbols[index].token = table.find(word, symbols[index].start, symbols[index].end)?.token ?? -1
            }
            for index in 0..<max(0, count - 1) { pair(index, word, symbols) }
            while let best = best(count, symbols, isDropped) {
                symbols[best].end = symbols[best + 1].end
                symbols[best].token = symbols[best].merged
                for index in best + 1..<count - 1 { symbols[index] = symbols[index + 1] }
                count -= 1
                if best > 0 { pair(best - 1, word, symbols) }
                if best + 1 < count { pair(best, word, symbols) } else { symbols[best].merged = -1 }
            }
            for index in 0..<count {
                let symbol = symbols[index]
                if symbol.token >= 0 {
                    tokens.append(symbol.token)
                } else {
                    for place in symbol.start..<symbol.end { tokens.append(table.byteTokens[Int(word[place])]) }
                }
            }
        }
        return true
    }

    /// The pair to merge next; nil if there is none.
    private func best(
        _ count: Int, _ symbols: UnsafeMutableBufferPointer<Symbol>, _ isDropped: () -> Bool
    ) -> Int? {
        var best: Int?
        for index in 0..<count where symbols[index].merged >= 0 {
            if isDropped() { continue }
            if let other = best, symbols[index].score <= symbols[other].score { continue }
            best = index
        }
        return best
    }

    /// Looks up the piece that a symbol forms with the next one.
    private func pair(_ index: Int, _ word: UnsafeRawBufferPointer, _ symbols: UnsafeMutableBufferPointer<Symbol>) {
        let place = table.find(word, symbols[index].start, symbols[index + 1].end)
        symbols[index].merged = place?.token ?? -1
        symbols[index].score = place?.score ?? 0
    }
}
