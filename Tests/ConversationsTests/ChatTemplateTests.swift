import Failures
import Files
import TestSupport
import Testing
import Tokenizers

@testable import Conversations

/// The path of a file beside the golden ones of this target.
private func path(_ name: String) -> String {
    "\(#filePath.split(separator: "/").dropLast().map { "/\($0)" }.joined())/Golden/\(name)"
}

private func messages(_ json: JSON?) throws -> [ChatMessage] {
    try ChatMessage.messages(of: ["messages": json ?? .null], place: "golden.json")
}

@Suite struct ChatTemplateTests {
    private static func golden() throws -> JSON {
        try JSON(parsing: try FileSystem.contents(of: path("golden.json")), source: "golden.json")
    }

    private func template(_ name: String) throws -> ChatTemplate {
        let text = String(decoding: try FileSystem.contents(of: path("\(name).jinja")), as: UTF8.self)
        return try ChatTemplate(parsing: text, name: name)
    }

    private func tokenizer(_ name: String, _ roles: JSON) throws -> PipelineTokenizer {
        let other = "../../TokenizerPipelinesTests/Golden/\(name).json"
        let model = try FileSystem.contents(of: path(name == "chat" ? "chat.json" : other))
        let plain = try PipelineTokenizer(model: model, source: name)
        var special = SpecialTokens.none
        for (role, token) in [("bos_token", \SpecialTokens.bos), ("eos_token", \.eos)] {
            guard let text = roles[role]?.stringValue else { continue }
            special[keyPath: token] = plain.pipeline.addedTokens.first { $0.content == Array(text.utf8) }?.number
        }
        return try PipelineTokenizer(model: model, source: name, special: special)
    }

    /// Text, tokens and targets are those of `apply_chat_template`, with `{% generation %}` and without it.
    @Test func equalsTransformers() throws {
        let golden = try Self.golden()
        let cases = try #require(golden["cases"]?.arrayValue)
        #expect(cases.count == 28)
        for item in cases {
            let name = try #require(item["template"]?.stringValue)
            let conversation = try #require(item["conversation"]?.stringValue)
            let comment = Comment(rawValue: "\(name), \(conversation)")
            let template = try template(name)
            let tokenizer = try tokenizer(try #require(item["tokenizer"]?.stringValue), item["roles"] ?? .null)
            let encoder = ConversationEncoder(template, tokenizer)
            let messages = try messages(golden["conversations"]?[conversation])
            let (tokens, isAnswer) = try encoder.encode(messages, place: "here")
            #expect(tokens.map(Int.init) == item["tokens"]?.arrayValue?.compactMap(\.integerValue), comment)
            #expect(isAnswer.map { $0 ? 1 : 0 } == item["answers"]?.arrayValue?.compactMap(\.integerValue), comment)
            let names = ["bos_token": Array("<s>".utf8), "eos_token": Array("</s>".utf8)]
            if item["tokenizer"] == "llama2" {
                let prompt = try template.prompt(messages, names: names, place: "here")
                #expect(String(decoding: prompt, as: UTF8.self) == item["prompt"]?.stringValue, comment)
            }
            guard name != "chatml", name != "zephyr" else { continue }
            // The same targets follow from what each answer adds to the text.
            var text = template.text
            for tag in ["{%- generation %}", "{% endgeneration %}", "{%- endgeneration %}"] {
                text = text.replacing(tag, with: tag.contains("-") ? "{#- #}" : "{# #}")
            }
            let plain = ConversationEncoder(try ChatTemplate(parsing: text, name: name), tokenizer)
            let other = try plain.encode(messages, place: "here")
            #expect(other.tokens == tokens && other.isAnswer == isAnswer, comment)
        }
    }

    @Test func smallTemplatesEqualJinja() throws {
        let golden = try Self.golden()
        let messages = try messages(golden["conversations"]?["turns"])
        let rows = try #require(golden["templates"]?.arrayValue)
        #expect(rows.count > 15)
        for row in rows {
            let text = try #require(row.arrayValue?[0].stringValue)
            let template = try ChatTemplate(parsing: text, name: "small")
            let found = try template.prompt(messages, names: [:], place: "here")
            #expect(String(decoding: found, as: UTF8.self) == row.arrayValue?[1].stringValue, Comment(rawValue: text))
        }
    }

    @Test(arguments: ChatTemplate.BuiltIn.allCases) func builtInTemplatesAreTheGoldenOnes(
        _ template: ChatTemplate.BuiltIn
    ) throws {
        #expect(try ChatTemplate(template) == self.template(template.rawValue))
    }

    @Test func answersEndWithATokenOrAText() throws {
        let chat = try tokenizer("chat", ["eos_token": "<|im_end|>"])
        let end = chat.pipeline.addedTokens.first { $0.content == Array("<|im_end|>".utf8) }?.number
        #expect(try ConversationEncoder(ChatTemplate(.chatml), chat).endOfAnswer() == .token(try #require(end)))
        let bytes = ByteTokenizer(withSpecialTokens: true)
        #expect(
            try ConversationEncoder(ChatTemplate(.chatml), bytes).endOfAnswer() == .text(Array("<|im_end|>".utf8)))
        let eos = try #require(bytes.specialTokens.eos)
        #expect(try ConversationEncoder(ChatTemplate(.llama2), bytes).endOfAnswer() == .token(eos))
    }

    /// A tokenizer that changes the text.
    @Test func lossyTokenizersMarkTheAnswer() throws {
        let model = try FileSystem.contents(of: path("../../TokenizerPipelinesTests/Golden/bert_uncased.json"))
        let tokenizer = try PipelineTokenizer(model: model, source: "bert")
        let template = try ChatTemplate(
            parsing: "{% for m in messages %}{{ m.content }} {% endfor %}", name: "plain")
        let (tokens, isAnswer) = try ConversationEncoder(template, tokenizer).encode(
            [.init(.user, Array("The QUICK".utf8)), .init(.assistant, Array("Brown FOX".utf8))], place: "here")
        let answer = zip(tokens, isAnswer).filter(\.1).map(\.0)
        #expect(answer == (try tokenizer.encode("Brown FOX")))
        #expect(tokens == (try tokenizer.encode("The QUICK Brown FOX")))
    }

    // MARK: Refusals

    @Test(arguments: [
        ("{% macro a() %}{% endmacro %}", "line 1, column 4: the statement macro is not supported"),
        ("a\n  {{ x | reverse }}", "line 2, column 10: the filter reverse is not supported; allowed: trim, length"),
        ("{{ x is divisibleby 3 }}", "line 1, column 9: the test divisibleby is not supported"),
        ("é{{ range(3) }}", "line 1, column 5: the function range is not supported"),
        ("{{ 'a'.title() }}", "line 1, column 7: the method title of a text is not supported"),
        ("{% for a, b in x %}{% endfor %}", "column 9: a loop over several names is not supported"),
        ("{% for a in x if a %}{% endfor %}", "column 15: if in a loop is not supported"),
        ("{% for a in x %}", "expected {% endfor %}"), ("{{ 'a }}", "the quoted text has no end"),
        ("{{ a", "the tag {{ has no end"), ("{# a", "has no end #}"), ("{{ 1.5 }}", "a number with a fraction"),
        ("{{ a ? b }}", "the character ? is not supported"), ("{{ a b }}", "expected }}, found b"),
        ("{{ nothing.more }}", "an undefined name has no member more"), ("{{ messages }}", "a list cannot be written"),
        ("{{ 'a' + 1 }}", "a text + a number is not supported"), ("{{ 1 // 0 }}", "has no result"),
        ("{{ \(String(repeating: "(", count: 60))1\(String(repeating: ")", count: 60)) }}", "deeper than 40 levels"),
        ("{{ 1\(String(repeating: " + 1", count: 300)) }}", "more than 200 levels"),
        ("{% endif %}", "there is no statement endif here"),
        ("{% set a %}b{% endset %}", "set without = is not supported"),
        ("{{ raise_exception('no ' + messages[0].role) }}", "chat template t refuses the conversation: no user"),
        (
            String(repeating: "{% for m in 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.split('a') %}", count: 5)
                + String(repeating: "{% endfor %}", count: 5), "too many steps"
        ),
        (
            "{% set n = namespace(x='ab') %}{% for m in '\(String(repeating: "a", count: 60))'.split('a') %}"
                + "{% set n.x = n.x + n.x %}{% endfor %}", "too many steps"
        ),
        (
            "{% set n = namespace(x=[]) %}{% for m in '\(String(repeating: "a", count: 60))'.split('a') %}"
                + "{% set n.x = [n.x] %}{% endfor %}", "lists in more than 20 levels"
        ),
        ("{% set n = namespace() %}{% set n.n = n %}", "a namespace in a value"),
    ])
    func refuses(text: String, message: String) throws {
        expectFailure(.badData, message) {
            let template = try ChatTemplate(parsing: text, name: "t")
            _ = try template.prompt([.init(.user, [0x61])], names: [:], place: "here")
        }
    }

    @Test(arguments: [
        (#"{"a": 1}"#, "chat.jsonl: found a. Allowed: {\"messages\""), ("[]", "found no object."),
        (#"{"prompt": "a"}"#, "has no \"completion\""),
        (#"{"prompt": 1, "completion": "a"}"#, "\"prompt\" is not a text"),
        (#"{"messages": 1}"#, "\"messages\" is not a list"), (#"{"messages": [1]}"#, "message 1: is not an object"),
        (
            #"{"messages": [{"role": "assistent", "content": "a"}]}"#,
            "the role is \"assistent\"; allowed: system, user, assistant; did you mean assistant?"
        ),
        (#"{"messages": [{"content": "a"}]}"#, "message 1: the role is none"),
        (#"{"messages": [{"role": "user", "content": [1]}]}"#, "\"content\" is [1]; needed: a text"),
    ])
    func refusesMessages(text: String, message: String) throws {
        expectFailure(.badData, message) {
            _ = try ChatMessage.messages(of: try JSON(parsing: Array(text.utf8), source: "x"), place: "chat.jsonl")
        }
    }

    /// A template that changes an answer when others follow.
    @Test func answersMustNotDependOnWhatFollows() throws {
        let template = try ChatTemplate(
            parsing: "{% for m in messages %}{{ m.content if loop.last else 'x' }}\n{% endfor %}", name: "t")
        let turns: [ChatMessage] = [
            .init(.user, [0x61]), .init(.assistant, [0x62]), .init(.user, [0x63]), .init(.assistant, [0x64]),
        ]
        expectFailure(.badData, "here: message 2: chat template t writes the messages before this answer") {
            _ = try template.conversation(turns, names: [:], place: "here")
        }
    }

    @Test func templatesAreFoundBesideTokenizers() throws {
        let directory = TemporaryDirectory()
        #expect(try ChatTemplate.ofTokenizer(directory.path) == nil)
        let list = #"{"chat_template": [{"name": "tool", "template": "t"}, {"name": "default", "template": "d"}]}"#
        try FileSystem.replaceContents(of: directory.file("tokenizer_config.json"), with: list)
        #expect(try ChatTemplate.ofTokenizer(directory.path)?.text == "d")
        #expect(try ChatTemplate.named(directory.file("tokenizer_config.json")).text == "d")
        try FileSystem.replaceContents(of: directory.file("chat_template.jinja"), with: "j\r\nk")
        #expect(try ChatTemplate.ofTokenizer(directory.file("tokenizer.json"))?.text == "j\nk")
        expectFailure(.usage, "--template: found chatlm; allowed: chatml, llama2, llama3, mistral, zephyr, or the path")
        {
            _ = try ChatTemplate.named("chatlm")
        }
    }
}
