import Failures
import TestSupport
import Testing
import Texts

@testable import dtrain

struct ArgumentsTests {
    private let command = Command(
        name: "cook", summary: "", positions: ["DISH"],
        options: [
            .one("pot", "FILE", ""), .repeated("salt", "GRAMS", ""), .list("guests", "NAME", ""), .flag("hot", ""),
            .optional("spicy", "LEVEL", ""), .settings,
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

    /// Assignments may follow one another; a word without an equals sign, or one that begins with a dash, is none of them.
    @Test(arguments: [
        ["--set", "a=1", "b=2", "soup", "--set=c=-3"], ["soup", "--set", "a=1", "--set", "b=2", "c=-3"],
        ["--set=a=1", "b=2", "--hot", "soup", "--set", "c=-3"],
    ])
    func assignments(words: [String]) throws {
        let arguments = try Arguments(words, for: command)
        #expect(arguments.list("set") == ["a=1", "b=2", "c=-3"])
        #expect(arguments.positions == ["soup"])
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

    /// A mark that combines with an equals sign or a dash is part of the value or the name.
    @Test func wordsAreCutAtBytes() throws {
        let arguments = try Arguments(
            ["x", "--pot=\u{301}a", "--guests", "\u{20DD}", "--hot", "--salt=\u{FE0F}=\u{301}"], for: command)
        #expect(arguments.value("pot")?.exact == "\u{301}a".exact)
        #expect(arguments.list("guests").map(\.exact) == ["\u{20DD}".exact])
        #expect(arguments.list("salt").map(\.exact) == ["\u{FE0F}=\u{301}".exact])
        #expect(arguments.has("hot"))
        expectFailure(.usage, "unknown option --\u{301}hot") {
            _ = try Arguments(["x", "--\u{301}hot"], for: command)
        }
    }

    /// Text has to be UTF-8; a path does not.
    @Test func onlyPathsMayBeAnyBytes() throws {
        let name = PathText.text(of: [0x63, 0xE9])
        let arguments = try Arguments(
            ["x", "--pot", name, "--salt=\(PathText.text(of: Array("\u{10FFFF}".utf8)))"], for: command)
        #expect(arguments.value("pot").map(PathText.bytes) == [0x63, 0xE9])
        #expect(try arguments.text("salt")?.exact == "\u{10FFFF}".exact)
        expectFailure(.usage, #"--pot: found c\xE9, which is not UTF-8"#) { _ = try arguments.text("pot") }
        expectFailure(.usage, #"unknown option --\xE9"#) {
            _ = try Arguments(["x", "--" + PathText.text(of: [0xE9])], for: command)
        }
    }

    @Test(arguments: [
        (["x", "--pt", "a"], "unknown option --pt; did you mean --pot?"),
        (["x", "--zzzzzzzz"], "unknown option --zzzzzzzz."),
        (["x", "--pot"], "--pot needs a FILE."),
        (["x", "--set"], "--set needs a KEY.PATH=VALUE."), (["x", "--set", "a=1", "b"], "found x b; wanted: DISH."),
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
