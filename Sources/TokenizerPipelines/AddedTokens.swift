/// A token that was added to a vocabulary and is searched in the text before it is split.
package struct AddedToken: Sendable, Equatable {
    /// The text.
    package var content: [UInt8]
    /// The token's number.
    package var number: Int32
    /// Whether it is only found where no word character precedes or follows.
    var isSingleWord = false
    /// Whether it takes the white space before it.
    var takesLeft = false
    /// Whether it takes the white space behind it.
    var takesRight = false
    /// Whether it is searched in the normalized text.
    var isNormalized = false
    /// Whether it is a special token, which is left out when decoding.
    package var isSpecial = false
}

/// Finds added tokens in a text: the longest of those that begin first.
struct AddedTokenSearch: Sendable {
    private var trie = PieceTrie()
    private var tokens: [AddedToken] = []

    /// A search for tokens, each by a text.
    init(_ tokens: [(text: [UInt8], token: AddedToken)]) {
        for (text, token) in tokens where !text.isEmpty {
            trie.insert(text, Int32(self.tokens.count))
            self.tokens.append(token)
        }
    }

    /// Calls `body` with the parts of a text in their order: a token, or text without one.
    ///
    /// - Parameter findsSpecial: Whether special tokens are found.
    func split(
        _ bytes: UnsafeBufferPointer<UInt8>, findsSpecial: Bool, _ body: (_ part: Range<Int>, _ token: Int32?) -> Void
    ) {
        guard !tokens.isEmpty else { return body(0..<bytes.count, nil) }
        var (index, done) = (0, 0)
        while index < bytes.count {
            guard trie.begins(with: bytes[index]), let (end, found) = trie.longest(in: bytes, at: index) else {
                index += 1
                continue
            }
            let token = tokens[Int(found)]
            if !token.isSpecial || findsSpecial, let place = place(token, index..<end, bytes, after: done) {
                if done < place.lowerBound { body(done..<place.lowerBound, nil) }
                body(place, token.number)
                done = place.upperBound
            }
            index = end
        }
        if done < bytes.count { body(done..<bytes.count, nil) }
    }

    /// The place of a token with the white space that it takes; nil if it is not a word of its own and has to be.
    private func place(
        _ token: AddedToken, _ match: Range<Int>, _ bytes: UnsafeBufferPointer<UInt8>, after done: Int
    ) -> Range<Int>? {
        let (text, kinds) = (UTF8Text(bytes), CharacterKinds.all)
        var (start, end) = (match.lowerBound, match.upperBound)
        if token.isSingleWord {
            if start > 0, kinds[text.scalar(before: start).value].has(.word) { return nil }
            if end < bytes.count, kinds[text.scalar(at: end).value].has(.word) { return nil }
        }
        while token.takesLeft, start > done {
            let (scalar, count) = text.scalar(before: start)
            guard kinds[scalar].has(.space) else { break }
            start -= count
        }
        while token.takesRight, end < bytes.count {
            let (scalar, count) = text.scalar(at: end)
            guard kinds[scalar].has(.space) else { break }
            end += count
        }
        return start..<end
    }
}
