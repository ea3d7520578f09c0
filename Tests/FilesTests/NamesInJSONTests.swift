import Texts
import Files
import TestSupport
import Testing

/// Member names that Swift's `String` considers equal are different members if their bytes differ.
struct NamesInJSONTests {
    @Test func memberNamesCompareByBytes() throws {
        let names = ["\u{C5}", "\u{212B}", "A\u{30A}", "\u{AC01}", "\u{1100}\u{1161}\u{11A8}", "K", "\u{212A}"]
        let text = "{" + names.enumerated().map { "\"\($1)\": \($0)" }.joined(separator: ", ") + "}"
        let value = try JSON(parsing: Array(text.utf8), source: "vocab")
        #expect(value.objectValue?.map(\.name.exact) == names.map(\.exact))
        for (index, name) in names.enumerated() { #expect(value[name] == .integer(index)) }
        #expect(value["k"] == nil)
        expectFailure(.badData, "\"\u{E9}\" occurs more than once") {
            _ = try JSON(parsing: Array("{\"\u{E9}\": 1, \"\\u00e9\": 2}".utf8), source: "vocab")
        }
    }

    @Test func valuesCompareByBytes() {
        #expect(JSON.string("\u{E9}") != .string("e\u{301}"))
        #expect(JSON.object([.init("\u{E9}", 1)]) != .object([.init("e\u{301}", 1)]))
        #expect(JSON.array(["\u{E9}", 1.5, true, nil]) == .array(["\u{E9}", 1.5, true, nil]))
    }
}
