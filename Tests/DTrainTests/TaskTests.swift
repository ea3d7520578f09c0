import Collectives
import Conversations
import Datasets
import Files
import Glibc
import Metrics
import Tensors
import TestSupport
import Testing
import Tokenizers

@testable import Inference

/// Questions and conversations with a tiny model of random weights.
struct TaskTests {
    private let directory = TemporaryDirectory()

    private func file(_ lines: String) throws -> TaskFile {
        let path = directory.file("task.jsonl")
        try FileSystem.replaceContents(of: path, with: lines)
        return try TaskFile(reading: path)
    }

    private func chatModel(context: Int = 200) throws -> SampleModel {
        var facts = DatasetFacts(textWith: ByteTokenizer(withSpecialTokens: true).description)
        (facts.kind, facts.chatTemplate) = (.chat, ChatTemplate(.zephyr).text)
        let sets = ["model.family=decoder", "objective.kind=chat", "data.context_length=\(context)"]
        return try SampleModel(sets, facts, vocabularySize: 262)
    }

    @Test(arguments: [
        (#"{"choices": ["a", "b"], "answer": 0}"#, "line 1: has no text \"prompt\""),
        (#"{"prompt": "p", "choices": ["a", "b"]}"#, "line 1: has no \"answer\""),
        (#"{"prompt": "p", "choices": ["a"], "answer": 0}"#, "\"choices\" is [\"a\"]; needed: at least two texts"),
        (#"{"prompt": "p", "choices": ["a", ""], "answer": 0}"#, "at least two texts"),
        (
            #"{"prompt": "p", "choices": ["a", "b"], "answer": "c"}"#,
            "line 1: the answer \"c\" is none of the 2 choices"
        ),
        (#"{"prompt": "p", "choices": ["a", "b"], "answer": 2}"#, "line 1: the answer 2 is none of the 2 choices"),
        (#"{"prompt": "p", "answer": 3}"#, "\"answer\" is 3."), ("\n", "has no question"), ("{", "malformed JSON"),
    ])
    func refusesQuestions(line: String, message: String) throws {
        expectFailure(.badData, message) { _ = try file(line) }
    }

    @Test(arguments: [false, true]) func oneChoiceIsChosen(isChat: Bool) throws {
        let sample = try isChat ? chatModel() : SampleModel("decoder", "data.context_length=40")
        defer { withExtendedLifetime(sample) {} }
        let questions = (0..<20).map { "Question \($0)? " }
        func scores(_ answer: Int) throws -> TaskScores {
            let lines = questions.map {
                #"{"prompt": "\#($0)", "choices": ["yes", "not at all"], "answer": \#(answer)}"#
            }
            return try TaskEvaluation(
                try file(lines.joined(separator: "\n")), checkpoint: sample.checkpoint, weights: nil, SoloCommunicator()
            ).run()
        }
        let (first, second) = (try scores(0), try scores(1))
        #expect(first.choiceCount == 20 && first.freeCount == 0)
        #expect(first.rightCount + second.rightCount == 20)
        #expect(first.normalizedRightCount + second.normalizedRightCount == 20)
        if isChat { return }
        let found = try questions.map {
            (try sample.logProbability("yes", $0), try sample.logProbability("not at all", $0))
        }
        #expect(first.rightCount == found.count { $0.0 > $0.1 })
        #expect(first.normalizedRightCount == found.count { $0.0 / 3 > $0.1 / 10 })
    }

    /// A model that continues its own text greedily gives the expected answer.
    @Test func freeAnswersAreGreedy() throws {
        let sample = try SampleModel("decoder", "data.context_length=80")
        defer { withExtendedLifetime(sample) {} }
        var settings = GenerationSettings(checkpoint: sample.checkpoint)
        (settings.temperature, settings.decoding.tokens, settings.stops) = (0, 64, ["\n"])
        let answer = try #require(
            try Generation(settings, SoloCommunicator()).answers(to: ["abc"], shouldStop: { false }) { _, reason in
                .init(.usage, reason)
            }.first)
        let line = JSON.object([.init("prompt", "abc"), .init("answer", .string(answer))]).line
        let other = #"{"prompt": "abc", "answer": ["something else", "x"]}"#
        let scores = try TaskEvaluation(
            try file(line + "\n" + other), checkpoint: sample.checkpoint, weights: nil, SoloCommunicator()
        ).run()
        let far = AnswerScores(answer: answer, expected: ["something else", "x"])
        #expect(scores.freeCount == 2 && scores.exactCount == (far.isExact ? 2 : 1) && scores.f1Sum == 1 + far.f1)
        #expect(scores.named.map(\.name) == ["exact_match", "token_f1"])
    }

    // MARK: Conversations

    private func session(_ sample: SampleModel, tokens: Int = 8, system: String? = nil) throws -> ChatSession {
        var settings = GenerationSettings(checkpoint: sample.checkpoint)
        (settings.temperature, settings.decoding.tokens) = (0, tokens)
        return try ChatSession(settings, template: nil, system: system)
    }

    private func say(_ text: String, _ session: inout ChatSession) throws -> (answer: String, forgotten: Int) {
        var answer = ""
        let forgotten = try session.answer(to: text, write: { answer += $0 }, shouldStop: { false })
        return (answer, forgotten)
    }

    @Test func answersDependOnTheConversation() throws {
        let sample = try chatModel()
        defer { withExtendedLifetime(sample) {} }
        var (first, second) = (try session(sample), try session(sample, system: "Be brief."))
        let answers = (try say("Hello", &first), try say("Hello", &second))
        #expect(answers.0.answer != answers.1.answer)
        let again = try say("Hello", &first)
        #expect(again.forgotten == 0)
        var fresh = try session(sample)
        #expect(try say("Hello", &fresh).answer == answers.0.answer)
    }

    @Test func oldTurnsAreForgottenWhenTheContextIsFull() throws {
        let sample = try chatModel(context: 100)
        defer { withExtendedLifetime(sample) {} }
        var session = try session(sample)
        let forgotten = try (0..<4).map { _ in try say("Hello there", &session).forgotten }
        #expect(forgotten[0] == 0 && forgotten.reduce(0, +) > 0)
        let long = String(repeating: "long ", count: 30)
        expectFailure(.usage, "the message has ", "the model's limit is 100") { _ = try say(long, &session) }
        // The conversation goes on without the message.
        #expect(try !say("Hello there", &session).answer.isEmpty)
    }

    @Test func chatsNeedATemplateAndADecoder() throws {
        let plain = try SampleModel("decoder")
        expectFailure(.usage, "has no chat template", "--template chatml|llama2") { _ = try session(plain) }
        let encoder = try SampleModel("encoder")
        expectFailure(.usage, "is a model of family encoder; only a decoder answers") { _ = try session(encoder) }
        withExtendedLifetime((plain, encoder)) {}
    }
}

extension SampleModel {
    /// The log-probability of `choice` after `prompt`, one token after another, without batches.
    fileprivate func logProbability(_ choice: String, _ prompt: String) throws -> Double {
        let tokenizer = ByteTokenizer(withSpecialTokens: true)
        let (before, all) = (try tokenizer.encode(prompt), try tokenizer.encode(prompt + choice))
        let pass = ForwardPass(model, .crossEntropy(smoothing: 0), weights: weights, sequences: 1)
        var sum = 0.0
        try all.withUnsafeBufferPointer { tokens in
            var input = ModelInput(sequences: 1, positions: tokens.count)
            input.tokens = TokenInput(tokens: tokens.baseAddress!)
            pass.forward(input)
            for place in before.count..<tokens.count {
                let logits = try pass.logits(ofRow: place - 1, checkpoint)
                sum += Double(logits[Int(tokens[place])]) - log(logits.prefix(262).reduce(0) { $0 + exp(Double($1)) })
            }
        }
        return sum
    }
}
