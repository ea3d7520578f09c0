import Conversations
import Failures
import Models
import Tokenizers

/// A conversation with a model, turn by turn.
///
/// Every answer is generated from the text that the chat template makes of all messages so far. It ends where the
/// template ends an answer, or with the context.
package struct ChatSession {
    private var generation: Generation
    private let encoder: ConversationEncoder
    private var messages: [ChatMessage] = []
    /// The number of answers so far.
    private var turns = 0

    /// Loads the checkpoint on the calling rank only.
    ///
    /// - Parameters:
    ///   - template: The chat template; nil: that of the checkpoint.
    ///   - system: The message of the system before the conversation; nil: none.
    /// - Throws: As `Generation.onOneRank`; `usage` for a model that does not continue texts, or without a template.
    package init(_ settings: GenerationSettings, template: ChatTemplate?, system: String?) throws(Failure) {
        var generation = try Generation.onOneRank(settings)
        let trained = generation.trained
        guard generation.response == .continuation else {
            throw Failure(
                .usage,
                "generate: --chat: \(trained.directory) is a model of family "
                    + "\(trained.configuration.model.family.rawValue); only a decoder answers.")
        }
        let recorded = try trained.facts.chatTemplate.map { text throws(Failure) in
            try ChatTemplate(parsing: text, name: trained.directory)
        }
        guard let template = template ?? recorded else {
            throw Failure(
                .usage,
                "generate: --chat: \(trained.directory) has no chat template. Name the one that it was trained with: "
                    + "--template \(ChatTemplate.BuiltIn.allCases.map(\.rawValue).joined(separator: "|")) or a FILE.")
        }
        try generation.converse(with: template)
        encoder = ConversationEncoder(template, trained.tokenizer)
        self.generation = generation
        if let system { messages = [ChatMessage(.system, Array(system.utf8))] }
    }

    /// As `Generation.importedSettings`.
    package var importedSettings: String? { generation.importedSettings }

    /// Answers a message of the user; both become part of the conversation, unless there is a failure.
    ///
    /// If the conversation leaves no room for an answer, its oldest turns are forgotten.
    ///
    /// - Parameters:
    ///   - write: Called with each part of the answer as it is determined, without white space at its start.
    ///   - shouldStop: Called before each token; if true, the answer ends there.
    /// - Returns: The number of messages that were forgotten.
    /// - Throws: `badData` if the template refuses the conversation or a prediction is not finite; `usage` if the
    ///   message alone is too long or there is not enough memory.
    package mutating func answer(
        to text: String, write: (String) -> Void, shouldStop: @escaping () -> Bool
    ) throws(Failure) -> Int {
        var messages = messages + [ChatMessage(.user, Array(text.utf8))]
        let limit = generation.contextLength
        var forgotten = 0
        var tokens = try encoder.prompt(messages, place: "The conversation")
        while tokens.count >= limit {
            // The first message of the user and its answer.
            let first = messages.first?.role == .system ? 1 : 0
            guard messages.count > first + 2 else {
                throw Failure(
                    .usage,
                    "generate: --chat: the message has \(tokens.count) tokens with the chat template; the model's limit is "
                        + "\(limit), with at least one for the answer. Shorten it.")
            }
            messages.removeSubrange(first..<first + 2)
            forgotten += 2
            tokens = try encoder.prompt(messages, place: "The conversation")
        }
        var turn = generation
        turn.settings.decoding.tokens = min(turn.settings.decoding.tokens, limit - tokens.count)
        turn.settings.decoding.minimumTokens = min(turn.settings.decoding.minimumTokens, turn.settings.decoding.tokens)
        let input = DecodingInput(text: tokens)
        try turn.requireMemory(for: [input], texts: 1)
        var answer = ""
        try turn.stream(
            input, numbers: [turns], read: { _ in },
            write: { part in
                let part = answer.isEmpty ? String(part.drop(while: \.isWhitespace)) : part
                answer += part
                write(part)
            }, shouldStop: shouldStop)
        self.messages = messages + [ChatMessage(.assistant, Array(answer.utf8))]
        turns += 1
        return forgotten
    }
}
