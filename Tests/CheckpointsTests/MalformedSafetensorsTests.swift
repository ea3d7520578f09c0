import Failures
import Files
import TestSupport
import Tensors
import Testing

@testable import Checkpoints

struct MalformedSafetensorsTests {
    let directory = TemporaryDirectory()

    /// Writes a file with a header length (by default the correct one), the header, and `dataBytes` zero bytes; then
    /// opens it.
    private func open(_ header: String, dataBytes: Int = 0, headerLength: UInt64? = nil) throws {
        let length = headerLength ?? UInt64(header.utf8.count)
        let prefix = (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
        try open(bytes: prefix + Array(header.utf8) + [UInt8](repeating: 0, count: dataBytes))
    }

    private func open(bytes: [UInt8]) throws {
        let path = directory.file("f.safetensors")
        try File(path, .create).write(bytes)
        let file = try SafetensorsFile(path)
        // All tensors of a file that opens must be readable.
        for tensor in file.tensors {
            let room = Memory(byteCount: tensor.range.count)
            try file.read(tensor.name, into: room.buffer)
            withExtendedLifetime(room) {}
        }
    }

    /// The bytes of a valid file.
    private func soundFile() throws -> [UInt8] {
        let (weights, bias) = (Memory(byteCount: 48), Memory(byteCount: 12))
        let path = directory.file("sound.safetensors")
        _ = try SafetensorsWriter.write(
            [
                TensorSource(name: "weight", type: .float32, shape: [3, 4], bytes: .init(weights.buffer)),
                TensorSource(name: "bias", type: .float32, shape: [3], bytes: .init(bias.buffer)),
            ], metadata: ["a": "b"], to: path)
        withExtendedLifetime((weights, bias)) {}
        return try FileSystem.contents(of: path)
    }

    private static func tensor(_ begin: Int, _ end: Int, _ shape: String, _ type: String = "F32") -> String {
        #"{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
    }

    @Test func opensValidFile() throws {
        try open(#"{"a":\#(Self.tensor(0, 8, "[2]")),"b":\#(Self.tensor(8, 12, "[]"))}   "#, dataBytes: 12)
    }

    @Test(arguments: [
        (UInt64(1), "malformed JSON"), (9, "header of 9 bytes"), (100_000_001, "at most 100000000"),
        (1 << 62, "header of"), (.max, "header of 18446744073709551615 bytes"), (0, "does not start with '{'"),
    ])
    func rejectsInvalidHeaderLength(length: UInt64, finding: String) {
        expectFailure(.badData, "f.safetensors", finding) { try open("{}      ", headerLength: length) }
    }

    @Test(arguments: 0..<8)
    func rejectsFileShorterThanLengthField(count: Int) {
        expectFailure(.badData, "\(count) bytes are too few") { try open(bytes: [UInt8](repeating: 0, count: count)) }
    }

    @Test(arguments: [
        ("overlap", #"{"a":\#(tensor(0, 8, "[2]")),"b":\#(tensor(4, 12, "[2]"))}"#, 12, "overlaps"),
        ("contained", #"{"a":\#(tensor(0, 12, "[3]")),"b":\#(tensor(4, 8, "[1]"))}"#, 12, "overlaps"),
        ("same bytes", #"{"a":\#(tensor(0, 4, "[1]")),"b":\#(tensor(0, 4, "[1]"))}"#, 4, "overlaps"),
        ("gap", #"{"a":\#(tensor(0, 4, "[1]")),"b":\#(tensor(8, 12, "[1]"))}"#, 12, "gap"),
        ("gap at the start", #"{"a":\#(tensor(4, 8, "[1]"))}"#, 8, "gap"),
        ("bytes after the data", #"{"a":\#(tensor(0, 4, "[1]"))}"#, 5, "extra bytes at its end"),
        ("bytes without a tensor", "{}", 1, "extra bytes at its end"),
        ("cut short", #"{"a":\#(tensor(0, 8, "[2]"))}"#, 7, "the file is truncated"),
        (
            "beyond the end", #"{"a":\#(tensor(0, 4611686018427387904, "[1152921504606846976]"))}"#, 4,
            "the file is truncated"
        ),
        ("shape too small", #"{"a":\#(tensor(0, 8, "[1]"))}"#, 8, "does not fill"),
        ("shape overflows", #"{"a":\#(tensor(0, 0, "[4294967296,4294967296]"))}"#, 0, "does not fill"),
        ("size overflows", #"{"a":\#(tensor(0, 0, "[4611686018427387904]"))}"#, 0, "does not fill"),
        ("shape wraps", #"{"a":\#(tensor(0, 4, "[-1,-1]"))}"#, 4, "does not fill"),
        ("negative extent", #"{"a":\#(tensor(0, 0, "[-1,0]"))}"#, 0, "does not fill"),
        ("extent is a fraction", #"{"a":\#(tensor(0, 4, "[1.0]"))}"#, 4, "expected exactly"),
        ("extent is too large", #"{"a":\#(tensor(0, 4, "[9223372036854775808]"))}"#, 4, "expected exactly"),
        ("shape is no array", #"{"a":\#(tensor(0, 4, "1"))}"#, 4, "expected exactly"),
        ("offsets swapped", #"{"a":\#(tensor(4, 0, "[1]"))}"#, 4, "are not a range"),
        ("offset negative", #"{"a":\#(tensor(-4, 0, "[1]"))}"#, 0, "are not a range"),
        ("offsets extreme", #"{"a":\#(tensor(.min, .max, "[1]"))}"#, 0, "are not a range"),
        ("three offsets", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}"#, 4, "expected exactly"),
        ("unknown type", #"{"a":\#(tensor(0, 4, "[1]", "F31"))}"#, 4, "unknown dtype F31"),
        ("lower-case type", #"{"a":\#(tensor(0, 4, "[1]", "f32"))}"#, 4, "unknown dtype f32"),
        ("member missing", #"{"a":{"dtype":"F32","shape":[1]}}"#, 4, "expected exactly"),
        ("member too many", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}"#, 4, "expected exactly"),
        ("tensor is a number", #"{"a":1}"#, 0, "expected exactly"),
        ("name twice", #"{"a":\#(tensor(0, 4, "[1]")),"a":\#(tensor(4, 8, "[1]"))}"#, 8, "occurs more than once"),
        ("metadata twice", #"{"__metadata__":{},"__metadata__":{}}"#, 0, "occurs more than once"),
        ("metadata of numbers", #"{"__metadata__":{"a":1}}"#, 0, "a is not a string"),
        ("metadata is a list", #"{"__metadata__":[]}"#, 0, "not an object"),
        ("deep nesting", #"{"a":"# + String(repeating: "[", count: 100_000), 0, "deeper than 3"),
        ("no object", "[]", 0, "does not start with '{'"),
        ("space before", " {}", 0, "does not start with '{'"),
        ("text after", "{} x", 0, "more text"),
        ("not UTF-8 escaped", #"{"\ud800":1}"#, 0, "surrogate"),
    ])
    func rejectsInvalidHeader(name: String, header: String, dataBytes: Int, finding: String) {
        expectFailure(.badData, "f.safetensors", finding) { try open(header, dataBytes: dataBytes) }
    }

    /// Names from a file are escaped and truncated before they are printed.
    @Test func messagesArePrintable() {
        expectFailure(.badData, #"tensor a\u{1B}[31m\u{7F}\u{9B}b: expected exactly"#) {
            try open("{\"a\\u001b[31m\u{7f}\u{9b}b\":1}")
        }
        let failure = #expect(throws: Failure.self) {
            try open("{\"\(String(repeating: "é", count: 1_000_000))\":1}")
        }
        #expect(failure?.message.unicodeScalars.count == 16385)
        #expect(failure?.message.hasSuffix("é…") == true)
    }

    @Test func rejectsEveryTruncation() throws {
        let bytes = try soundFile()
        for count in 0..<bytes.count {
            expectFailure(.badData, "f.safetensors") { try open(bytes: Array(bytes[..<count])) }
        }
    }

    /// For randomly changed bytes, the file opens or is rejected, without a crash.
    @Test func randomDamageDoesNotCrash() throws {
        let sound = try soundFile()
        let random = RandomStream(seed: 1, purpose: .initialization)
        var refused = 0
        for trial in 0..<3000 {
            var bytes = sound
            let words = random.words(UInt64(trial))
            bytes[Int(words.x) % bytes.count] = UInt8(truncatingIfNeeded: words.y)
            if trial % 2 == 0 { bytes[Int(words.z) % bytes.count] = UInt8(truncatingIfNeeded: words.w) }
            do {
                try open(bytes: bytes)
            } catch let failure as Failure {
                #expect(failure.exitCode == .badData)
                refused += 1
            }
        }
        #expect(refused > 1000)
    }
}
