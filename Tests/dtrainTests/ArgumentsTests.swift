import TestSupport
import Testing
import Texts

@testable import dtrain

struct ArgumentsTests {
    private let command = Command(
        name: "cook", summary: "", positions: ["DISH"],
        options: [
            .one("pot", "FILE", ""), .list("salt", "GRAMS", ""), .list("guests", "NAME", ""), .flag("hot", ""),
            .optional("spicy", "LEVEL", ""), .settings,
        ], example: ""
    ) { _, _ in .finished }

    @Test func optionsTakeTheirValues() throws {
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

    /// Assignments may follow one another; a word without an equals sign, or one that begins with a dash, is not an
    /// assignment.
    @Test(arguments: [
        ["--set", "a=1", "b=2", "soup", "--set=c=-3"], ["soup", "--set", "a=1", "--set", "b=2", "c=-3"],
        ["--set=a=1", "b=2", "--hot", "soup", "--set", "c=-3"],
    ])
    func parsesAssignments(words: [String]) throws {
        let arguments = try Arguments(words, for: command)
        #expect(arguments.list("set") == ["a=1", "b=2", "c=-3"])
        #expect(arguments.positions == ["soup"])
    }

    /// An optional value follows an equals sign, so that the next word is not parsed as the value.
    @Test func optionalValueFollowsEqualsSign() throws {
        let bare = try Arguments(["--spicy", "soup"], for: command)
        #expect(bare.has("spicy"))
        #expect(bare.value("spicy") == nil)
        #expect(bare.positions == ["soup"])
        #expect(try Arguments(["soup", "--spicy=3"], for: command).value("spicy") == "3")
        expectFailure(.usage, "--spicy is given more than once.") {
            _ = try Arguments(["soup", "--spicy", "--spicy=3"], for: command)
        }
    }

    /// A value may begin with dashes and contain an equals sign. Only a value that equals an option of the command must
    /// follow an equals sign.
    @Test(arguments: [
        (["--pot", "--help"], "--help"), (["--pot", "-h"], "-h"), (["--pot", "--"], "--"), (["--pot", "---"], "---"),
        (["--pot", "--hotter"], "--hotter"), (["--pot", "-1"], "-1"), (["--pot", "-"], "-"),
        (["--pot", "–hot"], "–hot"),
        (["--pot=--hot"], "--hot"), (["--pot=--pot=--hot"], "--pot=--hot"), (["--pot=a=b"], "a=b"), (["--pot=="], "="),
        (["--pot=\u{301}x"], "\u{301}x"), (["--pot", "\u{301}"], "\u{301}"),
    ])
    func valuesMayContainDashesAndEqualsSigns(words: [String], value: String) throws {
        #expect(try Arguments(["x"] + words, for: command).value("pot") == value)
        #expect(!command.isAskedForHelp(by: ["x"] + words))
    }

    /// A list ends at the next word with two dashes; `--guests=--hot` adds such a word to the list.
    @Test func listsEndAtOptions() throws {
        let arguments = try Arguments(
            ["--guests", "Ann", "-1", "-x", "--guests=--hot", "Bo", "--", "--hot"], for: command)
        #expect(arguments.list("guests") == ["Ann", "-1", "-x", "--hot", "Bo"])
        #expect(arguments.positions == ["--hot"])
        #expect(!arguments.has("hot"))
    }

    @Test func twoDashesEndTheOptions() throws {
        let arguments = try Arguments(["--hot", "--", "--help"], for: command)
        #expect(arguments.positions == ["--help"])
        #expect(arguments.has("hot"))
        #expect(!command.isAskedForHelp(by: ["--", "-h"]))
    }

    /// A request for help is accepted wherever an option may occur, even next to invalid words.
    @Test(arguments: [
        ["-h"], ["--help"], ["soup", "-h"], ["--hot", "--help"], ["--pot", "x", "-h"], ["--guests", "Ann", "--help"],
        ["--guests", "Ann", "-h"], ["--spicy", "-h"], ["--nonsense", "-h"], ["--pot", "--hot", "-h"],
    ])
    func recognizesRequestsForHelp(words: [String]) { #expect(command.isAskedForHelp(by: words)) }

    /// An empty stop sequence would end every text before its first token.
    @Test func rejectsEmptyStopTexts() throws {
        for words in [["--stop", ""], ["--stop="], ["--stop", "a", ""]] {
            expectFailure(.usage, "generate: --stop: found an empty text") {
                _ = try Arguments(["--checkpoint", "x"] + words, for: .generate).generationSettings()
            }
        }
        #expect(
            try Arguments(["--checkpoint", "x", "--stop", "a", " "], for: .generate).generationSettings().stops == [
                "a", " ",
            ])
    }

    @Test func textsMayBeEmpty() throws {
        #expect(try Arguments(["--prompt", ""], for: .generate).value("prompt") == "")
        #expect(try Arguments(["--prompt="], for: .generate).value("prompt") == "")
    }

    /// A mark that combines with an equals sign or a dash is part of the value or the name.
    @Test func wordsAreSplitAtBytes() throws {
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
    @Test func onlyPathsMayBeInvalidUTF8() throws {
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
        (["x", "--pt=a b"], "unknown option --pt; did you mean --pot?"),
        (["x", "-pot", "a"], "unknown option -pot; did you mean --pot?"),
        (["x", "—pot", "a"], "unknown option —pot; did you mean --pot?"),
        (["x", "--pot\u{301}=a"], "unknown option --po"),
        (["x", "--beam", "4"], "unknown option --beam. --beam belongs to evaluate, generate."),
        (["x", "--guests", "Ann", "---"], "If it is meant as a value of --guests, write --guests=---."),
        (["x", "--guests", "Ann", "--a b"], "If it is meant as a value of --guests, write '--guests=--a b'."),
        (["x", "--pot"], "--pot needs a value: FILE."),
        (["x", "--pot", "--hot"], "as the value, write --pot=--hot."),
        (["x", "--pot", "--salt=it's 3"], "as the value, write '--pot=--salt=it'\\''s 3'."),
        (["x", "--set", "--pot"], "as the value, write --set=--pot."),
        (["x", "--set"], "--set needs a value: KEY.PATH=VALUE."),
        (["x", "--set", "a=1", "b"], "found x b; expected: DISH."),
        (["x", "--guests"], "--guests needs a value: NAME."),
        (["x", "--guests", "--hot"], "--guests needs a value: NAME."),
        (["x", "--pot="], "--pot: found an empty value; expected: FILE."),
        (["x", "--pot", ""], "--pot: found an empty value; expected: FILE."),
        (["x", "--guests", "Ann", ""], "--guests: found an empty value; expected: NAME."),
        (["x", "--salt", "1", "--salt="], "--salt: found an empty value; expected: GRAMS."),
        (["x", "--spicy="], "--spicy: found an empty value; expected: LEVEL."),
        (["x", "--spicy", "3"], "A value of --spicy follows an equals sign: --spicy=3."),
        (["x", "a b"], "found x 'a b'; expected: DISH."),
        (["x", "-1"], "found x -1; expected: DISH."),
        (["x", "--hot="], "--hot takes no value."),
        (["x", "--pot", "a", "--pot", "b"], "--pot is given more than once."),
        (["x", "--hot", "--hot"], "--hot is given more than once."),
        (["x", "--hot=yes"], "--hot takes no value."),
        ([], "found none; expected: DISH."),
        (["x", "y"], "found x y; expected: DISH."),
        (["x", "--="], "unknown option --"),
    ])
    func rejectsInvalidWords(words: [String], message: String) {
        expectFailure(.usage, message, "cook:", "See dtrain help cook.") { _ = try Arguments(words, for: command) }
    }

    /// Configuration keys are not options; the message suggests `--set`.
    @Test(arguments: [
        (["--training.steps", "5"], "--set training.steps=VALUE."),
        (["--warmup-steps=5"], "--set schedule.warmup_steps=VALUE."),
        (["--dropout", "0.1"], "--set model.dropout=VALUE"),
        (["--lr", "1e-3"], "A configuration key is set by --set schedule.peak=VALUE"),
        (["--learningRate=1e-3"], "--set schedule.peak=VALUE"),
        (["--epochs", "3"], "--set training.steps=VALUE (in steps"),
        (["--batch-size", "3"], "--set batch.sequences=VALUE (sequences per step, of the whole job)."),
        (["-np", "4"], "The number of ranks is for mpirun: mpirun -np N dtrain train …"),
        (["generate"], "the command comes first: dtrain generate [OPTIONS]."),
        (["--config", "x", "prepare", "--text"], "the command comes first: dtrain prepare [OPTIONS]."),
    ])
    func messagesSuggestSetOrCommandOrder(words: [String], message: String) {
        expectFailure(.usage, "train: ", message) { _ = try Arguments(words, for: .train) }
    }

    @Test func numbersStayInTheirRange() throws {
        func salt(_ value: String) throws -> Arguments { try Arguments(["x", "--pot", value], for: command) }
        #expect(try salt("7").integer("pot", in: 1...9, default: 3) == 7)
        #expect(try salt("7").integer("salt", in: 1...9, default: 3) == 3)
        #expect(try salt("0.5").real("pot", in: 0...1, default: 0) == 0.5)
        for value in ["0", "10", "x", "-3", "--3", "1.5", "99999999999999999999"] {
            expectFailure(.usage, "--pot: found \(value);", "from 1 to 9") {
                _ = try salt(value).integer("pot", in: 1...9, default: 3)
            }
        }
        for value in [
            "-0.1", "nan", "inf", "1e400", "x", "0x0", "0x1p-1", "0b1", "1e", ".", " 0.5", "0.5 ", "1_0e-1", "٠",
        ] {
            expectFailure(.usage, "--pot: found \(value);", "from 0.0 to 1.0") {
                _ = try salt(value).real("pot", in: 0...1, default: 0)
            }
        }
        expectFailure(.usage, "--salt is missing") { _ = try salt("1").required("salt") }
    }
}
