import Files
import Tokenizers

@testable import Conversations

extension FuzzedReader {
    /// A chat template: one that is accepted makes the same tokens of a conversation again, or refuses it.
    static let chatTemplate = FuzzedReader(name: "chat-template", refusals: [.badData]) {
        ChatTemplate.BuiltIn.allCases.map { Array($0.text.utf8) }
            + [
                "{% set n = namespace(a=1, b=[]) %}{% for m in messages %}{% set n.b = n.b + [m.content|trim] %}"
                    + "{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}"
                    + "{{ m.content.split(' ')[::-1]|tojson }}{% endif %}{% endfor %}"
                    + "{{ n.b|length }}{{ n.a if n.a is not none else 'x' }}",
                "{%- for m in messages -%} {{ m['role'].upper() ~ ': ' + m.content.split('?')[0] }} {#- c -#}\n"
                    + "  {% if not loop.last and (loop.index0 % 2 == 0 or 'x' in m.content) %}{{ eos_token }}\n{% endif %}"
                    + "{% endfor %}",
            ].map { Array($0.utf8) }
    } open: { _ in
        let messages: [ChatMessage] = [
            .init(.user, Array(" a question \n".utf8)), .init(.assistant, Array("an answer: é漢🙂".utf8)),
        ]
        return { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            let template = try ChatTemplate(parsing: text, name: "t")
            try Defect.unless(
                try ChatTemplate(parsing: template.text, name: "t") == template, "the template read again differs")
            let encoder = ConversationEncoder(template, ByteTokenizer(withSpecialTokens: true))
            let (tokens, isAnswer) = try encoder.encode(messages, place: "here")
            try Defect.unless(tokens.count == isAnswer.count && isAnswer.contains(true), "no answer")
            try Defect.unless(tokens.allSatisfy { 0..<262 ~= $0 }, "a token outside the vocabulary")
            try Defect.unless(try encoder.encode(messages, place: "here").tokens == tokens, "other tokens")
            _ = try encoder.prompt(messages, place: "here")
            _ = try encoder.endOfAnswer()
        }
    }

    /// Conversations, one JSON object per line.
    static let chatLines = FuzzedReader(name: "chat-lines", refusals: [.badData]) {
        [
            "{\"prompt\": \"one\", \"completion\": \"1\"}\n",
            "{\"messages\": [{\"role\": \"system\", \"content\": \"s\"}, {\"role\": \"user\", \"content\": \"u\"}, "
                + "{\"role\": \"assistant\", \"content\": \"a\\u00e9\"}]}\n\n{\"prompt\":\"\",\"completion\":\"<eos>\"}",
        ].map { Array($0.utf8) }
    } open: { directory in
        return { bytes in try readRecords(.chat, [directory.file("lines", holding: bytes)]) }
    }
}
