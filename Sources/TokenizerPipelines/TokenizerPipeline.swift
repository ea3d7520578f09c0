/// A tokenizer as other programs describe it: the steps of a `tokenizer.json`, from the text to tokens and back.
///
/// Texts and tokens are equal to those of the Python package `tokenizers`, for whose properties of characters see
/// `cunicode.h`. Encoding may run on several threads at once.
package struct TokenizerPipeline: Sendable {
    /// The tokens that were added to the model's vocabulary, in the order of the file.
    package internal(set) var addedTokens: [AddedToken] = []
    /// The number of tokens; every number below is a token.
    package internal(set) var tokenCount = 0
    /// The text of each token in the file.
    package internal(set) var names: [[UInt8]] = []
    /// The number of the token for unknown text; nil if there is none.
    package internal(set) var unknown: Int32?
    /// The special tokens around a text: `nil` stands for the text.
    package internal(set) var frame: [Int32?] = [nil]

    var normalizer: TextNormalizer?
    var splitting = Splitting()
    var model: SubwordModel
    /// The added tokens that are searched in the text, and in the normalized text.
    var rawSearch = AddedTokenSearch([])
    var normalizedSearch = AddedTokenSearch([])
    /// What each token decodes to.
    var pieces: [PipelineDecoder.Piece] = []
    var isSpecial: [Bool] = []
    /// Where a text may be cut without a change of its tokens.
    var cuts = TextCuts()
    private let caches = WordCachePool()

    init(model: SubwordModel) { self.model = model }

    // MARK: Encoding

    /// Appends the tokens of a text, without those around it.
    ///
    /// - Parameters:
    ///   - text: UTF-8.
    ///   - continues: Whether the text is the rest of one that was cut at a place of `cutBefore`.
    ///   - findsSpecial: Whether special tokens are found in the text; otherwise their names are ordinary text.
    ///   - ended: Called after each part of the text: its range, whether it is the name of an added token, and the
    ///     number of tokens so far.
    package func encode(
        _ text: UnsafeBufferPointer<UInt8>, continues: Bool = false, findsSpecial: Bool = false,
        into tokens: inout [Int32],
        ended: (_ part: Range<Int>, _ isName: Bool, _ tokenCount: Int) -> Void = { _, _, _ in }
    ) {
        caches.withCache { cache in encode(text, continues: continues, findsSpecial, cache, into: &tokens, ended: ended)
        }
    }

    private func encode(
        _ text: UnsafeBufferPointer<UInt8>, continues: Bool, _ findsSpecial: Bool, _ cache: WordCache,
        into tokens: inout [Int32], ended: (_ part: Range<Int>, _ isName: Bool, _ tokenCount: Int) -> Void
    ) {
        rawSearch.split(text, findsSpecial: findsSpecial) { part, token in
            defer { ended(part, token != nil, tokens.count) }
            if let token { return tokens.append(token) }
            let bytes = UnsafeBufferPointer(rebasing: text[part])
            let beginsText = part.lowerBound == 0 && !continues
            let continues = continues && part.lowerBound == 0
            guard let normalizer, !normalizer.keeps(UTF8Text(bytes)) else {
                return encodeNormalized(bytes, beginsText, findsSpecial, cache, into: &tokens)
            }
            var normalized = Array(bytes)
            normalizer.apply(to: &normalized, continues: continues)
            normalized.withUnsafeBufferPointer {
                encodeNormalized($0, beginsText, findsSpecial, cache, into: &tokens)
            }
        }
    }

    private func encodeNormalized(
        _ text: UnsafeBufferPointer<UInt8>, _ beginsText: Bool, _ findsSpecial: Bool, _ cache: WordCache,
        into tokens: inout [Int32]
    ) {
        normalizedSearch.split(text, findsSpecial: findsSpecial) { part, token in
            if let token { return tokens.append(token) }
            splitting.forEachWord(
                in: UnsafeBufferPointer(rebasing: text[part]), beginsText: beginsText && part.lowerBound == 0
            ) { model.encode($0, cache, into: &tokens) }
        }
    }

    /// Calls `body` with the words into which a text is split before the model looks for tokens in them.
    package func forEachWord(in text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        var normalized = Array(text)
        normalizer?.apply(to: &normalized, continues: false)
        normalized.withUnsafeBufferPointer { splitting.forEachWord(in: $0, beginsText: true, body) }
    }

    /// The last place at which the text may be cut, so that both parts have the tokens of the whole; nil if there is
    /// none.
    package func cut(_ text: UnsafeBufferPointer<UInt8>) -> Int? { cuts.last(in: text, model) }

    // MARK: Decoding

    /// Appends the text of a token: bytes that may form characters only with those of other tokens.
    ///
    /// - Parameter isFirst: Whether no token was decoded before it; special tokens do not count.
    package func decode(_ token: Int32, isFirst: Bool, into bytes: inout [UInt8]) {
        let piece = pieces[Int(token)]
        bytes += isFirst ? piece.first : piece.inner
    }

    /// Whether a token is special, and has no text for people.
    package func isSpecial(_ token: Int32) -> Bool { isSpecial[Int(token)] }

    /// The tokens of single bytes, into which characters without a token are divided.
    package var byteFallbackTokens: [Int32] { pieces.indices.filter { pieces[$0].isByte }.map(Int32.init) }

    /// Returns the text of all tokens, in which bytes that form no character are U+FFFD as `tokenizers` replaces them.
    ///
    /// - Parameters:
    ///   - tokens: Numbers of tokens; others are left out.
    ///   - keepsSpecial: Whether the names of special tokens belong to the text.
    package func decode(_ tokens: [Int32], keepsSpecial: Bool) -> [UInt8] {
        var (bytes, run): ([UInt8], [UInt8]) = ([], [])
        var isFirst = true
        func finishRun() {
            let isText = String(validating: run, as: UTF8.self) != nil
            bytes += isText ? run : Array(repeating: [0xEF, 0xBF, 0xBD], count: run.count).flatMap(\.self)
            run.removeAll(keepingCapacity: true)
        }
        for token in tokens where token >= 0 && Int(token) < tokenCount {
            if isSpecial[Int(token)], !keepsSpecial { continue }
            let piece = pieces[Int(token)]
            if piece.isByte {
                run += isFirst ? piece.first : piece.inner
            } else {
                finishRun()
                bytes += isFirst ? piece.first : piece.inner
            }
            isFirst = false
        }
        finishRun()
        return Array(String(decoding: bytes, as: UTF8.self).utf8)
    }
}
