import Files
import TestSupport
import Testing
import Texts

@testable import Settings

/// Paths, keys and values for which `String` comparison or splitting differs from that of bytes.
@Suite struct ConfigurationNameTests {
    @Test(arguments: ["\u{301}run", "\u{20DD}", "=\u{301}", "a\u{301}=\u{FE0F}b"])
    func setOptionsAreSplitAtBytes(value: String) throws {
        let configuration = try Configuration.load(file: nil, sets: ["run.directory=\(value)"])
        #expect(configuration.run.directory.exact == value.exact)
        expectFailure(.usage, "unknown key model.\u{301}layers") {
            _ = try Configuration.load(file: nil, sets: ["model.\u{301}layers=2"])
        }
        expectFailure(.usage, "unknown key model\u{301}.layers") {
            _ = try Configuration.load(file: nil, sets: ["model\u{301}.layers=2"])
        }
    }

    /// Every path is stored in UTF-8 and read back as the same bytes.
    @Test(
        arguments: [
            [0xFF], [0x72, 0x2F, 0xE9], [0xC0, 0xAF], Array("\u{10FFFF}".utf8), Array("a\nb".utf8),
            Array("\u{85}\t\u{7F}".utf8),
            Array("e\u{301}".utf8), Array("\u{212B}/\u{2028}\"\\".utf8), Array(" a: #b ".utf8), Array("null".utf8),
            [UInt8](repeating: 0xFE, count: 4095),
        ] as [[UInt8]])
    func pathsReadBack(bytes: [UInt8]) throws {
        let path = PathText.text(of: bytes)
        var configuration = try Configuration.load(
            file: nil, sets: ["run.directory=\(path)", "data.directory=\(path)"])
        configuration.fineTuning.from = path
        let text = configuration.resolvedYAML
        #expect(String(validating: Array(text.utf8), as: UTF8.self) != nil)
        let back = try Configuration.parse(text, name: "config.yaml")
        for found in [back.run.directory, back.data.directory, back.fineTuning.from ?? ""] {
            #expect(PathText.bytes(of: found) == bytes, "\(text)")
        }
        #expect(try PathText.bytes(of: back.value(of: "run.directory")) == bytes)
    }

    @Test func rejectsPathsOfInvalidLength() throws {
        for path in [PathText.text(of: [UInt8](repeating: 0xFE, count: 4096)), "", "a\0b"] {
            expectFailure(.usage, "run.directory", "1 to 4095 bytes without a zero byte") {
                _ = try Configuration.load(file: nil, sets: ["run.directory=\(path)"])
            }
        }
    }

    /// In a file saved in another encoding, directory names keep their bytes.
    @Test func acceptsPathsThatAreNotUTF8() throws {
        let directory = TemporaryDirectory()
        func load(_ bytes: [UInt8]) throws -> Configuration {
            try File(directory.file("c.yaml"), .create).write(bytes)
            return try Configuration.load(file: directory.file("c.yaml"))
        }
        let latin = Array("run: {directory: gr".utf8) + [0xF6, 0xDF] + Array("e/a} # ".utf8) + [0xE9, 10]
        #expect(
            PathText.bytes(of: try load(latin).run.directory) == Array("gr".utf8) + [0xF6, 0xDF] + Array("e/a".utf8))
        expectFailure(.usage, #"c.yaml:1:17: model.family: found d\xE9coder"#) {
            _ = try load(Array("model: {family: d".utf8) + [0xE9] + Array("coder}".utf8))
        }
    }

    @Test func keysAreComparedByBytes() throws {
        // The Kelvin sign is equal to K in Swift, but is not accepted for it; the same key in two compositions is two
        // keys.
        expectFailure(.usage, "unknown key caf\u{E9}") {
            _ = try Configuration.parse("{\"caf\u{E9}\": 1, \"cafe\u{301}\": 2}", name: "c.yaml")
        }
        expectFailure(.usage, "found the key seed again") {
            _ = try Configuration.parse("run: {seed: 1, \"seed\": 2}", name: "c.yaml")
        }
    }
}
