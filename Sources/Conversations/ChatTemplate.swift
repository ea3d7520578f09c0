import Failures

/// A chat template: the text of a conversation, as a program in the subset of Jinja that `tokenizer_config.json` uses.
///
/// Supported are `if`, `for` over lists, `set`, namespaces, `{% generation %}`, the operators, and the filters, tests,
/// functions and methods in `TemplateSyntax.swift` and `TemplateRendering+Calls.swift`. Loops end with their list, and
/// the work of a rendering is limited.
package struct ChatTemplate: Sendable, Equatable {
    /// The template, with `\n` between lines.
    package let text: String
    /// The name of the template, for messages.
    private let name: String
    private let source: [UInt8]
    private let nodes: [TemplateNode]
    /// Whether `{% generation %}` says what the assistant writes.
    private let marksAnswers: Bool

    /// The maximum size in bytes.
    package static let bytesLimit = 1 << 17

    /// Parses a template.
    ///
    /// - Parameter name: The template's name, for messages.
    /// - Throws: `badData`, with line and column, for what is malformed or not supported.
    package init(parsing text: String, name: String) throws(Failure) {
        guard text.utf8.count <= ChatTemplate.bytesLimit else {
            throw Failure(
                .badData,
                "\(name): the chat template has \(text.utf8.count) bytes; allowed: at most \(ChatTemplate.bytesLimit).")
        }
        var source = Array(text.utf8)
        source = ChatTemplate.withPlainLineBreaks(source)
        self.name = name
        self.source = source
        self.text = String(decoding: source, as: UTF8.self)
        // As Jinja does, without the line break at the end.
        let program = source.last == 0x0A ? Array(source.dropLast()) : source
        do throws(TemplateFault) {
            nodes = try TemplateParser.parse(program)
        } catch {
            throw ChatTemplate.failure(error, source, name)
        }
        marksAnswers = ChatTemplate.hasGeneration(nodes)
    }

    /// A template that is built in.
    package init(_ template: BuiltIn) {
        do throws(Failure) {
            try self.init(parsing: template.text, name: template.rawValue)
        } catch {
            preconditionFailure(error.message)
        }
    }

    /// Compares the texts.
    package static func == (left: ChatTemplate, right: ChatTemplate) -> Bool { left.source == right.source }

    private static func withPlainLineBreaks(_ text: [UInt8]) -> [UInt8] {
        guard text.contains(0x0D) else { return text }
        var plain: [UInt8] = []
        for (index, byte) in text.enumerated() {
            if byte == 0x0D {
                plain.append(0x0A)
            } else if byte != 0x0A || index == 0 || text[index - 1] != 0x0D {
                plain.append(byte)
            }
        }
        return plain
    }

    private static func hasGeneration(_ nodes: [TemplateNode]) -> Bool {
        nodes.contains { node in
            switch node {
            case .generation: true
            case .choice(let parts, let otherwise):
                hasGeneration(otherwise) || parts.contains { hasGeneration($0.body) }
            case .loop(_, _, let body, let otherwise): hasGeneration(body) || hasGeneration(otherwise)
            case .text, .output, .assignment: false
            }
        }
    }

    // MARK: Rendering

    /// The text of a conversation and the ranges of its bytes that the assistant writes, in ascending order.
    package struct Rendering: Equatable, Sendable {
        package var text: [UInt8]
        package var answers: [Range<Int>]
    }

    /// The text of a conversation with all of its answers.
    ///
    /// What the assistant writes is what `{% generation %}` encloses. In a template without it, it is what a message of
    /// the assistant adds to the text of the messages before it, which ends with the generation prompt; white space at
    /// its end does not count.
    ///
    /// - Parameters:
    ///   - names: The texts of special tokens by their names, such as `bos_token`.
    ///   - place: The place of the conversation, for messages.
    /// - Throws: `badData` if the template refuses the messages, fails, or changes answers when other messages follow.
    package func conversation(
        _ messages: [ChatMessage], names: [String: [UInt8]], place: String
    ) throws(Failure) -> Rendering {
        let (text, generations) = try render(messages, names, asksForAnswer: false, place)
        if marksAnswers { return Rendering(text: text, answers: generations.filter { !$0.isEmpty }) }
        var answers: [Range<Int>] = []
        for (index, message) in messages.enumerated() where message.role == .assistant {
            let before = try render(Array(messages[..<index]), names, asksForAnswer: true, place).text
            let behind = try render(Array(messages[...index]), names, asksForAnswer: false, place).text
            let end = Whitespace.trimmingEnd(behind[...]).endIndex
            guard behind.starts(with: before), before.count <= end, text.starts(with: behind[..<end]) else {
                throw Failure(
                    .badData,
                    "\(place): message \(index + 1): chat template \(name) writes the messages before this answer, or the "
                        + "answer, differently when others follow. Enclose what the assistant writes by "
                        + "{% generation %} and {% endgeneration %}.")
            }
            if before.count < end { answers.append(before.count..<end) }
        }
        return Rendering(text: text, answers: answers)
    }

    /// The text of the messages so far, with the beginning of the next answer.
    ///
    /// - Throws: As `conversation`.
    package func prompt(
        _ messages: [ChatMessage], names: [String: [UInt8]], place: String
    ) throws(Failure) -> [UInt8] {
        try render(messages, names, asksForAnswer: true, place).text
    }

    /// The text that ends an answer, without white space around it; empty if the template writes nothing behind an
    /// answer.
    ///
    /// - Throws: As `conversation`.
    package func endOfAnswer(names: [String: [UInt8]]) throws(Failure) -> [UInt8] {
        let answer = Array("answer".utf8)
        let messages = [ChatMessage(.user, Array("question".utf8)), ChatMessage(.assistant, answer)]
        let whole = try conversation(messages, names: names, place: "a question and its answer")
        guard let range = whole.answers.last,
            let place = TemplateRendering.firstRange(of: answer, in: whole.text[range])
        else {
            throw Failure(.badData, "chat template \(name): does not write what the assistant says.")
        }
        return Array(Whitespace.trimmingStart(Whitespace.trimmingEnd(whole.text[place.upperBound..<range.upperBound])))
    }

    private func render(
        _ messages: [ChatMessage], _ names: [String: [UInt8]], asksForAnswer: Bool, _ place: String
    ) throws(Failure) -> (text: [UInt8], generations: [Range<Int>]) {
        var values = names.mapValues { TemplateValue.text($0) }
        values["messages"] = .list(
            messages.map { message in
                .map([
                    (Array("role".utf8), .text(message.role.rawValue)), (Array("content".utf8), .text(message.content)),
                ])
            })
        values["add_generation_prompt"] = .boolean(asksForAnswer)
        var rendering = TemplateRendering(values)
        do throws(TemplateFault) {
            try rendering.run(nodes)
        } catch {
            if error.isRaised {
                throw Failure(
                    .badData, "\(place): chat template \(name) refuses the conversation: \(error.message.prefix(1000))")
            }
            throw ChatTemplate.failure(error, source, "\(place): \(name)")
        }
        return (rendering.text, rendering.generations)
    }

    private static func failure(_ fault: TemplateFault, _ source: [UInt8], _ name: String) -> Failure {
        let before = source[..<min(fault.offset, source.count)]
        let line = before.count { $0 == 0x0A } + 1
        let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        // Bytes that continue a character do not count.
        let column = before[start...].count { $0 & 0xC0 != 0x80 } + 1
        return Failure(.badData, "\(name): chat template, line \(line), column \(column): \(fault.message).")
    }
}
