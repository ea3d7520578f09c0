import Failures
import Models
import Tokenizers

extension DecodingInput {
    /// The input of an encoder-decoder that reads `tokens` and then an end token.
    ///
    /// - Parameter place: Where the tokenizer is from, for messages.
    /// - Throws: `badData` if the tokenizer lacks a special token.
    init(translating tokens: [Int32], _ tokenizer: any Tokenizer, of place: String) throws(Failure) {
        let special = tokenizer.specialTokens
        self.init(
            source: tokens + [try requiredToken(special.eos, "eos", of: place)],
            text: [try requiredToken(special.bos, "bos", of: place)])
    }

    /// The input of a prefix decoder that fills the first blank of `text`; without blanks, there is one at its end.
    ///
    /// - Parameter place: Where the tokenizer is from, for messages.
    /// - Throws: `badData` if the tokenizer lacks a special token.
    init(filling text: String, _ tokenizer: any Tokenizer, of place: String) throws(Failure) {
        let special = tokenizer.specialTokens
        let mask = try requiredToken(special.mask, "mask", of: place)
        var (tokens, gaps) = try GapText(tokenizer, mask: mask).encode(text)
        if gaps.isEmpty {
            gaps = [tokens.count]
            tokens.append(mask)
        }
        self.init(text: tokens, gap: gaps[0], begin: try requiredToken(special.bos, "bos", of: place))
    }
}

extension DecodingSettings {
    /// Ends outputs at the end token of `tokenizer`, and forbids the other ones of `tokens`, which have no text.
    package mutating func end(like tokenizer: any Tokenizer, forbidding tokens: [Int32]) {
        let end = tokenizer.specialTokens.eos
        endTokens = end.map { [$0] } ?? []
        forbiddenTokens += tokens.filter { $0 != end }
    }
}

/// Returns a special token of the tokenizer from `place`.
///
/// - Throws: `badData` if `token` is nil.
func requiredToken(_ token: Int32?, _ name: String, of place: String) throws(Failure) -> Int32 {
    if let token { return token }
    throw Failure(.badData, "\(place): its tokenizer has no token \(name), which its model family requires.")
}
