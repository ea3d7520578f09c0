import Failures
import Tokenizers

/// Converts conversations to tokens, with the marks of those that a model learns to write.
package struct ConversationEncoder: Sendable {
    package let template: ChatTemplate
    private let tokenizer: any Tokenizer
    private let names: [String: [UInt8]]

    /// An encoder for the special tokens of `tokenizer`.
    package init(_ template: ChatTemplate, _ tokenizer: any Tokenizer) {
        (self.template, self.tokenizer) = (template, tokenizer)
        let special = tokenizer.specialTokens
        var names: [String: [UInt8]] = [:]
        for (name, token) in [
            ("bos_token", special.bos), ("eos_token", special.eos), ("pad_token", special.pad),
            ("unk_token", special.unknown),
        ] {
            if let token { names[name] = tokenizer.name(ofSpecial: token) }
        }
        self.names = names
    }

    /// The tokens of a conversation, and for each whether the assistant writes it.
    ///
    /// - Throws: As `ChatTemplate.conversation`; `badData` if the assistant writes no token.
    package func encode(
        _ messages: [ChatMessage], place: String
    ) throws(Failure) -> (tokens: [Int32], isAnswer: [Bool]) {
        let conversation = try template.conversation(messages, names: names, place: place)
        let marked = try tokenizer.encodeMarked(conversation.text, ranges: conversation.answers)
        guard marked.isInside.dropFirst().contains(true) else {
            throw Failure(.badData, "\(place): the chat template and the tokenizer make no token of its answers.")
        }
        return (marked.tokens, marked.isInside)
    }

    /// The tokens of the messages so far and of the beginning of the next answer.
    ///
    /// - Throws: As `ChatTemplate.prompt`.
    package func prompt(_ messages: [ChatMessage], place: String) throws(Failure) -> [Int32] {
        try tokenizer.encodeMarked(template.prompt(messages, names: names, place: place), ranges: []).tokens
    }

    /// What ends an answer.
    package enum End: Equatable, Sendable {
        /// A token.
        case token(Int32)
        /// A text of several tokens.
        case text([UInt8])
    }

    /// What ends an answer; nil if the template writes nothing behind one.
    ///
    /// - Throws: As `ChatTemplate.endOfAnswer`.
    package func endOfAnswer() throws(Failure) -> End? {
        let text = try template.endOfAnswer(names: names)
        if text.isEmpty { return nil }
        let tokens = try tokenizer.encodeMarked(text, ranges: []).tokens
        // A token that text alone never becomes.
        if let first = tokens.first, try tokenizer.encode(text, withSpecial: false).first != first {
            return .token(first)
        }
        return .text(text)
    }
}
