import Conversations
import Files
import Preparation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Conversations are encoded as bytes: a question "q", an answer "ab" and the mark of the end "." become `q>ab.`.
@Suite struct ChatSamplesTests {
    private let directory = TemporaryDirectory()
    private let template =
        "{% for m in messages %}{{ m.content }}{{ '.' if m.role == 'assistant' else '>' }}{% endfor %}"

    private func dataset(_ lines: String, remark: (String) -> Void = { _ in }) throws -> Dataset {
        let path = try directory.write(lines, to: "chat.jsonl")
        var preparation = DatasetPreparation(.records(.chat, [path]), output: directory.file("data"))
        preparation.validationFraction = 0
        preparation.chatTemplate = try ChatTemplate(parsing: template, name: "test")
        _ = try preparation.run(remark: remark)
        return try Dataset.verified(directory.file("data"))
    }

    private func samples(_ dataset: Dataset, contextLength: Int, truncates: Bool = false) throws -> ChatSamples {
        try ChatSamples(dataset.records(.train), contextLength: contextLength, truncates: truncates)
    }

    private let lines = """
        {"prompt": "q", "completion": "ab"}
        {"messages": [{"role": "user", "content": "r"}, {"role": "assistant", "content": "c"}, \
        {"role": "user", "content": "s"}, {"role": "assistant", "content": "d"}]}

        """

    @Test func targetsAreTheAnswersOfAllTurns() throws {
        var remarks: [String] = []
        let dataset = try dataset(lines) { remarks.append($0) }
        #expect(remarks == ["7 of 13 tokens (53.8 %) are of answers, and targets"])
        #expect(dataset.kind == .chat && dataset.chatTemplate == template && dataset.facts.chatTemplate == template)
        let read = try EvaluationBatches(
            samples(dataset, contextLength: 8), sequencesPerBatch: .max, seed: 1
        ).contents()[0]
        let inputs = ["q>ab", "r>c.s>d"].flatMap { text -> [Int32] in
            let bytes = text.utf8.map { Int32($0) }
            return bytes + [Int32](repeating: 0, count: 8 - bytes.count)
        }
        #expect(read.inputs == inputs)
        // An underscore stands for a position without a target.
        let targets = ["_ab.____", "_c.__d._"].flatMap { text -> [Int32] in
            text.utf8.map { $0 == 0x5F ? ignoredTarget : Int32($0) }
        }
        #expect(read.targets == targets)
        #expect(read.lengths == [4, 7] && read.targetCount == 7)
    }

    @Test func longConversationsAreCutOrLeftOut() throws {
        let dataset = try dataset(lines + "{\"prompt\": \"a long question\", \"completion\": \"e\"}\n")
        expectFailure(.badData, "record 2: the conversation has 8 tokens; data.context_length 5 allows at most 6") {
            _ = try samples(dataset, contextLength: 5)
        }
        let cut = try samples(dataset, contextLength: 5, truncates: true)
        #expect((cut.count, cut.truncatedCount, cut.droppedCount) == (2, 1, 1))
        #expect((0..<2).map { cut.length(of: $0) } == [4, 5])
        let read = try EvaluationBatches(cut, sequencesPerBatch: .max, seed: 1).contents()[0]
        #expect(read.targetCount == 5)
        // The first target of the first conversation is at position 2.
        expectFailure(.badData, "no conversation has a token of an answer within data.context_length 1.") {
            _ = try samples(dataset, contextLength: 1, truncates: true)
        }
    }

    @Test func conversationsWithoutAnswerAreRefusedOrSkipped() throws {
        let path = try directory.write(lines + "{\"prompt\": \"x\", \"completion\": \"\"}\n", to: "open.jsonl")
        var preparation = DatasetPreparation(.records(.chat, [path]), output: directory.file("open"))
        expectFailure(.badData, "open.jsonl: line 3: the conversation has no answer", "--empty skip") {
            _ = try preparation.run()
        }
        preparation.empty = .skip
        var remarks: [String] = []
        _ = try preparation.run(remark: { remarks.append($0) })
        #expect(remarks.contains { $0.hasPrefix("skipped 1 record without text") })
        #expect(remarks.contains { $0.hasPrefix("the tokenizer has no chat template: chatml is used") })
    }

    @Test func manifestsKeepTheTemplate() throws {
        _ = try dataset(lines)
        let path = directory.file("data/dataset.json")
        let text = String(decoding: try FileSystem.contents(of: path), as: UTF8.self)
        let other = text.replacing("\"kind\" : \"chat\"", with: "\"kind\" : \"labelled\"")
        #expect(other != text)
        #expect(try DatasetManifest(readingFrom: directory.file("data")).chatTemplate == template)
        #expect(DatasetFacts(try Dataset.open(directory.file("data")).facts.json)?.chatTemplate == template)
    }
}
