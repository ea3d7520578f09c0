import Texts
import Interchange
import TestSupport
import Testing

/// Names in foreign files that Swift's `String` treats as equal.
@Suite struct NameTests {
    @Test func classNamesAreComparedByBytes() throws {
        let names = ["caf\u{E9}", "cafe\u{301}"]
        let model = try SpoiledModel("bert_classes")
        model.set("id2label", .object(names.indices.map { .init("\($0)", .string(names[$0])) }))
        let reader = try ModelReader(try model.write())
        #expect(reader.model.labels?.names.map(\.exact) == names.map(\.exact))
    }

    @Test func tensorNamesAreComparedByBytes() throws {
        let model = try SpoiledModel("gpt2")
        // Two tensors with names that are equal in Swift: each is unknown, and neither is mistaken for the other.
        model.add("\u{E9}", [1], [1])
        model.add("e\u{301}", [1], [2])
        expectFailure(.badData, "is unknown to GPT2LMHeadModel") { _ = try LoadedModel(try model.write()) }
    }
}
