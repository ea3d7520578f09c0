import Files
import TestSupport
import Testing

struct JSONTests {
    private func parse(_ text: String, depthLimit: Int = 64) throws -> JSON {
        try JSON(parsing: Array(text.utf8), source: "test", depthLimit: depthLimit)
    }

    @Test(
        arguments: [
            ("null", nil), (" true\n", true), ("false", false), ("0", 0), ("-7", -7),
            ("9223372036854775807", 9_223_372_036_854_775_807),
            ("9223372036854775808", 9223372036854775808.0), ("1.5e-3", 0.0015), ("1E+2", 100.0), ("-0", -0.0),
            (#""a\u0000\"\\\/\b\f\n\r\t""#, "a\0\"\\/\u{8}\u{c}\n\r\t"), (#""\ud83d\ude00 \u00e9""#, "😀 é"),
            ("[]", []), ("{ }", [:]), ("[1,[2 , {}]]", [1, [2, [:]]]),
            (#"{"b":1,"a":{"b":2}}"#, ["b": 1, "a": ["b": 2]]),
        ] as [(String, JSON)])
    func parsesValidText(text: String, expected: JSON) throws {
        #expect(try parse(text) == expected)
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "True", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x10", "1e999", "NaN", "Infinity",
        "\"", "\"a", #""\x""#, #""\u12""#, #""\u12g4""#, #""\u+123""#, #""\ud83d""#, #""\ude00""#, #""\ud83dA""#,
        "\"\n\"", "\"\u{1}\"", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{", "{\"a\"", "{\"a\":", "{\"a\":1",
        "{\"a\":1,}",
        "{a:1}", "{1:1}", "{\"a\" 1}", "1 1", "[] []", "'a'", "// comment\n1", "[1]x",
    ])
    func rejectsInvalidText(text: String) {
        expectFailure(.badData, "test: malformed JSON at byte") { _ = try parse(text) }
    }

    @Test func rejectsInvalidUTF8() {
        for bytes: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82]] {
            expectFailure(.badData, "UTF-8") { _ = try JSON(parsing: [0x22] + bytes + [0x22], source: "test") }
        }
    }

    /// Printed JSON has no characters that a terminal interprets or hides, and parses to the same value.
    @Test func printedLinesHaveNoUnprintableCharacters() throws {
        let value: JSON = ["a\u{202E}b": "\u{200B}\u{7F}\u{2028}\u{E0001}\u{10FFFF}größe\n"]
        #expect(
            value.printedLine == #"{"a\u202eb":"\u200b\u007f\u2028\udb40\udc01\udbff\udfffgröße\n"}"#)
        #expect(try parse(value.printedLine) == value)
    }

    @Test func rejectsDuplicateNames() {
        expectFailure(.badData, "byte 10", #""a" occurs more than once"#) { _ = try parse(#"{"a":1,"a":1}"#) }
        expectFailure(.badData, "occurs more than once") { _ = try parse(#"[{"a":1,"\u0061":2}]"#) }
    }

    @Test func limitsNestingDepth() throws {
        #expect(try parse("[[{}]]", depthLimit: 3) == [[[:]]])
        expectFailure(.badData, "deeper than 3") { _ = try parse("[[{\"a\":[]}]]", depthLimit: 3) }
        let bomb = String(repeating: "[", count: 1_000_000)
        expectFailure(.badData, "byte 64", "deeper than 64") { _ = try parse(bomb) }
    }

    @Test(arguments: [
        0.1, 1.0 / 3, 1e-5, 1e300, .leastNonzeroMagnitude, 1.7976931348623157e308, -0.0, 123456789012345680,
        0.30000000000000004,
    ])
    func numbersRoundTrip(number: Double) throws {
        let back = try #require(try parse(JSON.number(number).line).doubleValue)
        #expect(back.bitPattern == number.bitPattern)
    }

    @Test func numbersHaveTheShortestDigits() {
        #expect(JSON.array([0.1, 100.0, 1e-5, .number(1e22), 3]).line == "[0.1,100.0,1e-05,1e+22,3]")
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity])
    func nonFiniteNumbersBecomeNull(number: Double) {
        #expect(JSON.number(number).line == "null")
    }

    @Test func valuesRoundTrip() throws {
        let value: JSON = [
            "quotes \" \\ \n\r\t\u{1}\u{7f} é 😀": ["nested": [1, 2.5, nil, true, "x", [], [:]]],
            "last": [["a": -1]],
        ]
        #expect(try parse(value.line) == value)
        #expect(try parse(value.page) == value)
        #expect(!value.line.contains("\n"))
    }

    @Test func pageIsIndented() {
        let value: JSON = ["a": [1, [:]], "b": "c"]
        #expect(value.page == "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": \"c\"\n}\n")
    }
}
