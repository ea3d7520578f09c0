import CSentencePiece
import Files
import Glibc
import TokenizerPipelines

/// Random segmentations of encoded texts into the pieces of a model that encodes words independently (subword
/// regularization).
///
/// A text is given by its tokens: the sampler decodes its words and divides each again. Tokens that are no part of a
/// word, words of more than `WordCache.wordBytesLimit` bytes and words that are no UTF-8 are kept. The result is a
/// function of the tokens and of the random numbers.
package struct SubwordSampler: Sendable {
    /// The method, with its parameter.
    package enum Method: Equatable, Sendable {
        /// BPE-dropout: the probability with which a merge is left out.
        ///
        /// - Source: Provilkov, Emelianenko & Voita 2020, arXiv:1910.13267.
        case dropout(Double)
        /// A segmentation of a unigram model with a probability proportional to that of the model raised to this power.
        ///
        /// - Source: Kudo 2018, arXiv:1804.10959, section 3.
        case unigram(Double)
    }

    private let method: Method
    private let table: PieceTable
    private let merges: BytePairMerges
    /// The text of each token that is part of a word; empty for all others.
    private let texts: [[UInt8]]
    /// exp(power · score) of each token, rounded to Float32, so that it is the same with every C library.
    private let weights: [Double]
    /// The weight of a character without a piece, which SentencePiece gives a score of 10 below the lowest.
    private let unknownWeight: Double

    /// A sampler for the pieces of `tokenizer`; nil if the method is for another kind of model, or if its words depend
    /// on each other.
    package init?(_ tokenizer: SentencePieceTokenizer, _ method: Method) {
        let isUnigram = SentencePieceFile.isUnigram(tokenizer.model)
        guard SentencePieceFile.hasSeparateWords(tokenizer.model), let table = PieceTable(tokenizer.handle) else {
            return nil
        }
        var power = 0.0
        switch method {
        case .dropout: if isUnigram { return nil }
        case .unigram(let given):
            if !isUnigram { return nil }
            power = given
        }
        let handle = tokenizer.handle
        func weight(_ score: Float) -> Double { Double(Float(exp(power * Double(score)))) }
        let tokens = 0..<csentencepiece_count(handle.model)
        texts = tokens.map { token in
            let text = handle.text(of: token)
            return switch csentencepiece_kind_of(handle.model, token) {
            case csentencepiece_byte: SentencePieceTokenizer.byte(ofPiece: text).map { [$0] } ?? []
            case csentencepiece_text where token != tokenizer.lineBreak:
                SentencePieceTokenizer.replacingSpaceSymbols(text)
            default: []
            }
        }
        weights = tokens.map { weight(csentencepiece_score(handle.model, $0)) }
        unknownWeight = weight(table.lowestScore - 10)
        (self.method, self.table) = (method, table)
        merges = BytePairMerges(table)
    }

    /// Returns another segmentation of `tokens`.
    ///
    /// - Parameter uniform: Returns the next random number, uniform over [0, 1).
    package func resegment(_ tokens: UnsafeBufferPointer<Int32>, uniform: () -> Double) -> [Int32] {
        var result: [Int32] = []
        var word: [UInt8] = []
        var first = 0
        func finish(at end: Int) {
            if !word.isEmpty, !sample(word, uniform, appendingTo: &result) { result += tokens[first..<end] }
            word.removeAll(keepingCapacity: true)
            first = end
        }
        for (index, token) in tokens.enumerated() {
            let text = texts.indices.contains(Int(token)) ? texts[Int(token)] : []
            if text.isEmpty {
                finish(at: index)
                result.append(token)
                first = index + 1
                continue
            }
            // A word is a run of spaces and what follows up to the next space.
            if text[0] == space, word.contains(where: { $0 != space }) { finish(at: index) }
            word += text
        }
        finish(at: tokens.count)
        return result
    }

    /// Appends a random segmentation of `word`.
    ///
    /// - Returns: Whether there is one; otherwise nothing is appended.
    private func sample(_ word: [UInt8], _ uniform: () -> Double, appendingTo tokens: inout [Int32]) -> Bool {
        guard word.count <= WordCache.wordBytesLimit else { return false }
        return word.withUnsafeBytes { word in
            switch method {
            case .dropout(let rate):
                merges.encode(word, isDropped: { uniform() < rate }, appendingTo: &tokens)
            case .unigram: sampleUnigram(word, uniform(), appendingTo: &tokens)
            }
        }
    }

    /// Draws a segmentation by forward filtering and backward sampling.
    ///
    /// The arithmetic is that of IEEE alone, in a fixed order: the result is the same on every processor.
    ///
    /// - Parameter uniform: The random number, of which each cut uses the part that the previous ones left.
    private func sampleUnigram(
        _ word: UnsafeRawBufferPointer, _ uniform: Double, appendingTo tokens: inout [Int32]
    ) -> Bool {
        var validator = UTF8Validator()
        guard validator.firstMalformedOffset(in: word) == nil, validator.unfinishedOffset == nil else { return false }
        let borders = (0...word.count).filter { $0 == word.count || word[$0] & 0xC0 != 0x80 }
        // sums[i] is the sum over all segmentations of the first i characters of the products of their weights.
        var sums = [Double](repeating: 0, count: borders.count)
        sums[0] = 1
        for end in 1..<borders.count {
            for start in 0..<end { sums[end] += sums[start] * edge(word, borders, start, end).weight }
        }
        // Too small for Float64.
        guard sums[borders.count - 1] > 0 else { return false }
        var (pieces, end, rest) = ([] as [Int32], borders.count - 1, uniform)
        while end > 0 {
            var target = rest * sums[end]
            var chosen: (start: Int, mass: Double, token: Int32)?
            for start in 0..<end {
                let (weight, token) = edge(word, borders, start, end)
                let mass = sums[start] * weight
                if mass == 0 { continue }
                chosen = (start, mass, token)
                if target < mass { break }
                target -= mass
            }
            guard let chosen else { return false }
            if chosen.token >= 0 {
                pieces.append(chosen.token)
            } else {
                for place in (borders[chosen.start]..<borders[end]).reversed() {
                    pieces.append(table.byteTokens[Int(word[place])])
                }
            }
            rest = min(target / chosen.mass, 1 - 0x1p-53)
            end = chosen.start
        }
        tokens += pieces.reversed()
        return true
    }

    /// The weight and the token of the piece between two borders; −1 for a single character without a piece.
    private func edge(
        _ word: UnsafeRawBufferPointer, _ borders: [Int], _ start: Int, _ end: Int
    ) -> (weight: Double, token: Int32) {
        guard borders[end] - borders[start] <= max(table.longestPiece, 4) else { return (0, -1) }
        if let place = table.find(word, borders[start], borders[end]) {
            return (weights[Int(place.token)], place.token)
        }
        return end == start + 1 ? (unknownWeight, -1) : (0, -1)
    }
}
