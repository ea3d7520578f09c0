import Failures
import Files
import TestSupport
import Testing

@testable import Checkpoints

struct SafetensorsTests {
    let directory = TemporaryDirectory()
    var path: String { directory.file("f.safetensors") }

    private func source(_ name: String, _ type: TensorType, _ shape: [Int], _ memory: Memory) -> TensorSource {
        TensorSource(name: name, type: type, shape: shape, bytes: UnsafeRawBufferPointer(memory.buffer))
    }

    @Test func writtenTensorsReadBack() throws {
        let shapes: [(TensorType, [Int])] = [
            (.float32, [2, 3]), (.uint8, [5]), (.float64, []), (.int64, [0, 7]), (.bfloat16, [1, 1, 2]),
            (.float16, [600_000]),
        ]
        let memories = shapes.map { Memory(byteCount: $0.byteCount(shape: $1)!) }
        let sources = shapes.indices.map { source("tensor \($0) \"é\"", shapes[$0].0, shapes[$0].1, memories[$0]) }
        let written = try SafetensorsWriter.write(sources, metadata: ["b": "2", "a": "1\n"], to: path)

        let bytes = try FileSystem.contents(of: path)
        #expect(written.size == bytes.count)
        #expect(written.digest == Digest.of(bytes))
        #expect(bytes[0] % 8 == 0, "The header's length is a multiple of eight.")

        let file = try SafetensorsFile(path)
        #expect(file.metadata == ["a": "1\n", "b": "2"])
        for (source, memory) in zip(sources, memories) {
            let tensor = try #require(file[source.name])
            #expect(tensor.type == source.type)
            #expect(tensor.shape == source.shape)
            // Some of the bit patterns are infinite or NaN, so they cannot be read as numbers.
            #expect(try Array(FileSystem.contents(of: path)[tensor.range]) == memory.bytes)
        }
        var hashed = 0
        #expect(try file.fingerprint { hashed += $0 }.fingerprint == written)
        #expect(hashed == written.size)
    }

    @Test func keepsTensorOrder() throws {
        let memory = Memory(byteCount: 4)
        let names = ["z", "a", "m"]
        _ = try SafetensorsWriter.write(names.map { source($0, .float32, [1], memory) }, to: path)
        withExtendedLifetime(memory) {}
        let file = try SafetensorsFile(path)
        #expect(file.tensors.map(\.name) == names)
    }

    @Test func acceptsFileWithoutTensors() throws {
        let written = try SafetensorsWriter.write([], to: path)
        let file = try SafetensorsFile(path)
        #expect(file.tensors.isEmpty)
        #expect(try file.fingerprint { _ in }.fingerprint == written)
    }

    @Test func rejectsMismatchedDestinations() throws {
        let memory = Memory(byteCount: 24)
        _ = try SafetensorsWriter.write([source("w", .float32, [2, 3], memory)], to: path)
        let file = try SafetensorsFile(path)
        func read(_ name: String, _ type: TensorType, _ shape: [Int]) throws {
            let room = Memory(byteCount: type.byteCount(shape: shape)!)
            try file.read(into: TensorDestination(name: name, type: type, shape: shape, bytes: room.buffer))
            #expect(room.bytes == memory.bytes)
        }
        try read("w", .float32, [2, 3])
        expectFailure(.badData, "f.safetensors", "no tensor v") { try read("v", .float32, [2, 3]) }
        expectFailure(.badData, "tensor w", "F32 [2, 3]", "I32 [2, 3]") { try read("w", .int32, [2, 3]) }
        expectFailure(.badData, "tensor w", "F32 [2, 3]", "F32 [3, 2]") { try read("w", .float32, [3, 2]) }
        let room = Memory(byteCount: 20)
        expectFailure(.badData, "24 bytes", "expected 20.") { try file.read("w", into: room.buffer) }
        expectFailure(.badData, "no tensor v") { try file.read("v", into: room.buffer) }
        withExtendedLifetime(room) {}
    }

    /// In every format, read at once or block by block, also after the first block.
    @Test(
        arguments: [
            (TensorType.float32, [0x00, 0x00, 0xC0, 0x7F]), (.float32, [0x00, 0x00, 0x80, 0xFF]),
            (.float16, [0x00, 0x7C]),
            (.bfloat16, [0x80, 0x7F]), (.float64, [0, 0, 0, 0, 0, 0, 0xF0, 0x7F]),
        ] as [(TensorType, [UInt8])])
    func rejectsNonFiniteValues(type: TensorType, bytes: [UInt8]) throws {
        let count = TensorSource.blockBytes / type.byteCount + 3
        let memory = Memory(byteCount: count * type.byteCount)
        memory.buffer.initializeMemory(as: UInt8.self, repeating: 0)
        for place in [1, count - 1] {
            UnsafeMutableRawBufferPointer(rebasing: memory.buffer[(place * type.byteCount)...]).copyBytes(from: bytes)
            try FileSystem.removeFile(path)
            _ = try SafetensorsWriter.write([source("w", type, [count], memory)], to: path)
            let file = try SafetensorsFile(path)
            let room = Memory(byteCount: memory.buffer.count)
            let words = ["f.safetensors", "tensor w", "element \(place) ", type.rawValue]
            expectFailure(.badData, words[0], words[1], words[2], words[3]) { try file.read("w", into: room.buffer) }
            expectFailure(.badData, words[0], words[1], words[2], words[3]) {
                try file.read(
                    into: TensorDestination(name: "w", type: type, shape: [count]) { read throws(Failure) in
                        let half = count / 2 * type.byteCount
                        try read(UnsafeMutableRawBufferPointer(rebasing: room.buffer[..<half]), 0)
                        try read(UnsafeMutableRawBufferPointer(rebasing: room.buffer[half...]), half)
                    })
            }
            memory.buffer.initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    @Test func writerReportsFailingPath() {
        expectFailure(.inputOutput, "absent/f.safetensors") {
            _ = try SafetensorsWriter.write([], to: directory.file("absent/f.safetensors"))
        }
    }
}
