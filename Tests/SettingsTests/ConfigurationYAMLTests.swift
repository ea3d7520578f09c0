import Failures
import Files
import Tensors
import Testing

@testable import Settings

@Suite struct ConfigurationYAMLTests {
    @Test func nodesKeepOrderMarksAndQuotes() throws {
        let text = "b: [1, 'two']\na:\n  c: |\n    three\n"
        let root = try YAMLReader.document(Array(text.utf8), from: .file("x"))
        func scalar(_ text: String, _ isPlain: Bool, _ line: Int, _ column: Int) -> YAMLNode {
            YAMLNode(content: .scalar(text, isPlain: isPlain), mark: YAMLMark(line: line, column: column))
        }
        let list = YAMLNode(
            content: .sequence([scalar("1", true, 1, 5), scalar("two", false, 1, 8)]),
            mark: YAMLMark(line: 1, column: 4))
        let inner = YAMLNode(
            content: .mapping([
                .init(key: "c", mark: YAMLMark(line: 3, column: 3), value: scalar("three\n", false, 3, 6))
            ]), mark: YAMLMark(line: 3, column: 3))
        #expect(
            root
                == YAMLNode(
                    content: .mapping([
                        .init(key: "b", mark: YAMLMark(line: 1, column: 1), value: list),
                        .init(key: "a", mark: YAMLMark(line: 2, column: 1), value: inner),
                    ])))
    }

    @Test(arguments: [
        ("model: &a {layers: 2}", "c.yaml:1:8: found an anchor; allowed: values written out"),
        ("a: [&x 1]", "c.yaml:1:5: found an anchor"),
        ("a: &x [1]", "c.yaml:1:4: found an anchor"),
        ("a: 1\nb: *a", "c.yaml:2:4: found an alias"),
        ("a: !!int 1", "c.yaml:1:4: found a tag"),
        ("a: ! 1", "c.yaml:1:4: found a tag"),
        ("a: !x [1]", "c.yaml:1:4: found a tag"),
        ("a:\n  !x\n  b: 1", "c.yaml:2:3: found a tag"),
        ("%TAG !e! tag:example.com,2000:\n---\na: 1", "c.yaml:1:1: found a tag directive"),
        ("a: 1\nb: 2\na: 3", "c.yaml:3:1: found the key a again (first on line 1); allowed: once"),
        ("{\"a\": 1, a: 2}", "c.yaml:1:10: found the key a again (first on line 1)"),
        ("a: 1\n---\nb: 2", "c.yaml:2:1: found a second document; allowed: one document per file"),
        ("a: 1\n...\n---\n", "c.yaml:3:1: found a second document"),
        ("? [a]\n: 1", "c.yaml:1:3: found a list or a mapping as a key; allowed: text"),
        ("{{a: 1}: 2}", "c.yaml:1:2: found a list or a mapping as a key"),
        ("", "c.yaml:1:1: found nothing; allowed: a mapping of sections"),
        ("# nothing\n\n", "found nothing; allowed: a mapping of sections"),
        ("---", "found nothing; allowed: a mapping of run"),
        (
            "a: {b: 1\nc: 2",
            "c.yaml:2:2: not valid YAML: found neither ',' nor '}' in the mapping that begins on line 1; allowed: {KEY"
        ),
        ("a: 1\n\tb: 2", "c.yaml:2:1: not valid YAML: found a tab; allowed: spaces"),
        ("a: 'x", "not valid YAML: found no end of the quoted text that begins on line 1"),
        ("a: \"\\q\"", "not valid YAML: found an escape that does not exist; allowed in double quotes: \\n"),
        ("%YAML 3.0\n---\na: 1", "not valid YAML: found a directive for an unsupported version of YAML"),
        ("a: 1\n# é\u{7}\n", "c.yaml:2:4: not valid YAML: found a control character (U+0007)"),
        (
            "a\0: 1",
            "c.yaml:1:2: not valid YAML: found a control character (U+0000); allowed: text without control characters"
        ),
    ])
    func rejectsUnsupportedYAML(text: String, expected: String) {
        let failure = failure(of: Array(text.utf8))
        #expect(failure?.exitCode == .usage)
        #expect(failure?.message.contains(expected) == true, "\(failure?.message ?? "no failure")")
    }

    /// libyaml's own messages are never shown; each error has a message of dtrain.
    @Test(arguments: [
        ("a: [1, 2\nb: 1", "neither ',' nor ']' in the list that begins on line 1"), ("a: ]", "found no value"),
        ("- a\nb: 1", "not part of the list that begins on line 1"), ("a: 1\n- b", "not part of the mapping"),
        ("a: 1\nb\nc: 2", "found no ':' after the key that begins on line 2"),
        ("a: b: c", "found a ':' within a value"),
        ("a: - b", "found '-' after other text"), ("a: ? b", "found '?' after other text"),
        ("a: @b", "a character that cannot begin a value"), ("a: `b", "a character that cannot begin a value"),
        ("a:\n\t- c", "found a tab"), ("a: \"x", "no end of the quoted text"),
        ("a: \"x\n---\n\"", "--- or ... within the quoted text"), ("a: \"\\xZZ\"", "an escape that does not exist"),
        ("a: \"\\ud800\"", "an escape that does not exist"), ("%FOO bar\na: 1", "c.yaml:"),
        ("%YAML 1.1\n%YAML 1.1\n---\na: 1", "directive"), ("%YAML x\n---\na: 1", "directive"),
        ("%\n---\na", "directive"),
        ("a: *", "an anchor or an alias"), ("a: &", "an anchor or an alias"), ("a: !<x", "a tag"),
        ("a: !e!x 1", "a tag"),
        ("a: |0\n  x", "after a block's"), ("a: | x\n  y", "after a block's"), ("a: 1\n}", "c.yaml:2:1"),
        ("{a: 1} b", "c.yaml:1:8"), ("a: {b:c: d:[}", "c.yaml:1"), ("a: \"\u{1}\"", "a control character (U+0001)"),
    ])
    func errorsDoNotQuoteTheLibrary(text: String, expected: String) {
        let message = failure(of: Array(text.utf8))?.message ?? "no failure"
        #expect(message.contains(expected), "\(message)")
        for word in [
            "did not", "could not", "expected", "while ", "octet", "scanning", "scalar", "indicator", "libyaml",
        ] {
            #expect(!message.contains(word), "\(message)")
        }
    }

    @Test func rejectsInvalidUTF8() {
        for (bytes, expected) in [
            (
                Array("a: 1\nb: ".utf8) + [0xFF],
                "c.yaml: line 2: not UTF-8 starting at byte 4 of the line (0xFF at offset 8"
            ),
            (Array("a: é".utf8) + [0xC3], "c.yaml: line 1: not UTF-8 starting at byte 6 of the line"),
            ([0xC0, 0x80], "c.yaml: line 1: not UTF-8 starting at byte 1 "),
            ([0xED, 0xA0, 0x80], "c.yaml: line 1: not UTF-8 starting at byte 1 "),
            ([0xFF, 0xFE, 0x61, 0x00], "c.yaml: is UTF-16, by its byte order mark"),
            (Array("a\0:\0 \0\u{31}\0".utf8), "c.yaml: is UTF-16 (little-endian) without a byte order mark"),
            ([0x1F, 0x8B, 8, 0], "c.yaml: is compressed with gzip"),
        ] {
            let failure = failure(of: bytes)
            #expect(failure?.exitCode == .usage)
            #expect(failure?.message.hasPrefix(expected) == true, "\(failure?.message ?? "none")")
        }
        // A UTF-8 byte order mark is not part of the content.
        #expect(throws: Never.self) {
            try Configuration.parse(
                [0xEF, 0xBB, 0xBF] + Array("precision: float16\r\nmodel:\r\n  layers: 2".utf8), name: "c.yaml")
        }
    }

    @Test func depthHasALimit() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        _ = try YAMLReader.document(nested(32), from: .file("c.yaml"))
        #expect(
            failure(of: nested(33))?.message.hasPrefix("c.yaml:1:33: found lists and mappings nested deeper") == true)
        for character in "[{-?!&*|>'\"" {
            let failure = failure(of: Array(String(repeating: "\(character) ", count: 100_000).utf8))
            #expect(failure?.exitCode == .usage)
        }
        #expect(failure(of: Array(repeating: UInt8(ascii: "["), count: 1 << 20))?.exitCode == .usage)
    }

    @Test func sizeHasALimit() throws {
        let text = Array("precision: float16\n#".utf8)
        let padding = [UInt8](repeating: UInt8(ascii: "x"), count: YAMLReader.limitBytes - text.count)
        #expect(try Configuration.parse(text + padding, name: "c.yaml").precision == .float16)
        #expect(
            failure(of: text + padding + [UInt8(ascii: "x")])?.message
                == "c.yaml:1:1: 1048577 bytes; allowed: at most 1048576")
    }

    /// A damaged file gives a configuration or one error message, never a crash.
    @Test func mutationsAreReadOrRejected() throws {
        let path = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let original = try FileSystem.contents(of: path + "/configs/quickstart.yaml")
        let fragments = [
            "{", "[", "]", "}", ": ", "- ", "&a ", "*a", "!!str ", "\n---\n", "\"", "'", "\t", "\u{0}", "9", "|\n",
        ]
        .map { Array($0.utf8) }
        var parsed = 0, refused = 0
        for trial in 0..<2000 as Range<UInt64> {
            let stream = RandomStream(seed: 7, purpose: .generation, sample: trial)
            var bytes = original
            for mutation in 0..<(1 + trial % 4) {
                let words = stream.words(mutation)
                let place = Int(words.x) % bytes.count
                switch words.y % 6 {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: words.z)
                case 1: bytes.removeSubrange(place..<min(bytes.count, place + 1 + Int(words.z % 40)))
                case 2: bytes.insert(contentsOf: fragments[Int(words.z) % fragments.count], at: place)
                case 3: bytes[place] ^= 1 << UInt8(words.z % 8)
                case 4:
                    bytes.insert(
                        contentsOf: bytes[place..<min(bytes.count, place + Int(words.z % 200))],
                        at: Int(words.w) % bytes.count)
                default: bytes.swapAt(place, Int(words.z) % bytes.count)
                }
                if bytes.isEmpty { bytes = original }
            }
            do throws(Failure) {
                let configuration = try Configuration.parse(bytes, name: "c.yaml")
                #expect(try Configuration.parse(configuration.resolvedYAML, name: "again") == configuration)
                parsed += 1
            } catch {
                #expect(error.exitCode == .usage && error.message.contains(": "), "trial \(trial): \(error)")
                #expect(error.message.utf8.count < 1000 && !error.message.contains("\n"), "trial \(trial)")
                refused += 1
            }
        }
        // Many mutations hit comments, others break the syntax; both must occur for the test to be meaningful.
        #expect(parsed > 200 && refused > 200, "\(parsed) read, \(refused) refused")
    }

    private func failure(of bytes: [UInt8]) -> Failure? {
        do throws(Failure) {
            _ = try Configuration.parse(bytes, name: "c.yaml")
            return nil
        } catch {
            return error
        }
    }
}
