import Failures
import TestSupport
import Testing

@testable import dtrain

struct ArgumentsTests {
    private let command = Command(
        name: "cook", summary: "", positions: ["DISH"],
        options: [
            .one("pot", "FILE", ""), .repeated("salt", "GRAMS", ""), .list("guests", "NAME", ""), .flag("hot", ""),
            .optional("spicy", "LEVEL", ""),
        ], example: ""
    ) { _, _ in .finished }

    @Test func optionsTakeTheirWords() throws {
        let arguments = try Arguments(
            [
                "soup", "--pot", "big", "--salt=1", "--salt", "2=3", "--guests", "Ann", "Bo", "--hot",
            ], for: command)
        #expect(arguments.positions == ["soup"])
        #expect(arguments.value("pot") == "big")
        #expect(arguments.list("salt") == ["1", "2=3"])
        #expect(arguments.list("guests") == ["Ann", "Bo"])
        #expect(arguments.has("hot"))
        #expect(!(try Arguments(["soup"], for: command)).has("hot"))
    }

    /// An optional value stands after an equals sign, so that the next word is not taken for it.
    @Test func optionalValues() throws {
        let bare = try Arguments(["--spicy", "soup"], for: command)
        #expect(bare.has("spicy"))
        #expect(bare.value("spicy") == nil)
        #expect(bare.positions == ["soup"])
        #expect(try Arguments(["soup", "--spicy=3"], for: command).value("spicy") == "3")
        expectFailure(.usage, "--spicy stands twice.") {
            _ = try Arguments(["soup", "--spicy", "--spicy=3"], for: command)
        }
    }

    /// A value may look like an option, be empty, or hold an equals sign.
    @Test func valuesAreTakenAsTheyAre() throws {
        #expect(try Arguments(["x", "--pot", "--hot"], for: command).value("pot") == "--hot")
        #expect(try Arguments(["x", "--pot="], for: command).value("pot") == "")
        #expect(try Arguments(["x", "--pot", ""], for: command).value("pot") == "")
        #expect(try Arguments(["x", "--pot=a=b"], for: command).value("pot") == "a=b")
        #expect(try Arguments(["x", "--pot", "-1"], for: command).value("pot") == "-1")
    }

    @Test(arguments: [
        (["x", "--pt", "a"], "unknown option --pt; did you mean --pot?"),
        (["x", "--zzzzzzzz"], "unknown option --zzzzzzzz."),
        (["x", "--pot"], "--pot needs a FILE."),
        (["x", "--guests"], "--guests needs a NAME."),
        (["x", "--guests", "--hot"], "--guests needs a NAME."),
        (["x", "--pot", "a", "--pot", "b"], "--pot stands twice."),
        (["x", "--hot", "--hot"], "--hot stands twice."),
        (["x", "--hot=yes"], "--hot takes no value."),
        ([], "found none; wanted: DISH."),
        (["x", "y"], "found x y; wanted: DISH."),
        (["x", "--="], "unknown option --"),
    ])
    func wrongWordsAreRefused(words: [String], message: String) {
        expectFailure(.usage, message, "cook:", "See dtrain help cook.") { _ = try Arguments(words, for: command) }
    }

    @Test func numbersStayInTheirRange() throws {
        func salt(_ value: String) throws -> Arguments { try Arguments(["x", "--pot", value], for: command) }
        #expect(try salt("7").integer("pot", in: 1...9, default: 3) == 7)
        #expect(try salt("7").integer("salt", in: 1...9, default: 3) == 3)
        #expect(try salt("0.5").real("pot", in: 0...1, default: 0) == 0.5)
        for value in ["0", "10", "x", "", "1.5", "99999999999999999999"] {
            expectFailure(.usage, "--pot: found \(value);", "from 1 to 9") {
                _ = try salt(value).integer("pot", in: 1...9, default: 3)
            }
        }
        for value in ["-0.1", "nan", "inf", "1e400", "x"] {
            expectFailure(.usage, "--pot: found \(value);", "from 0.0 to 1.0") {
                _ = try salt(value).real("pot", in: 0...1, default: 0)
            }
        }
        expectFailure(.usage, "--salt is missing") { _ = try salt("1").required("salt") }
    }
}
