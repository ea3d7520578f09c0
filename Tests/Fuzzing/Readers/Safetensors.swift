import Failures
import Tensors
import TestSupport

@testable import Checkpoints

extension FuzzedReader {
    /// A safetensors file: if it opens, every byte is readable, and its header can be written and parsed again with the
    /// same contents.
    static let safetensors = FuzzedReader(name: "safetensors", refusals: [.badData]) {
        try sampleTensors.map { tensors in try safetensorsFile(tensors) }
    } open: { directory in
        return { bytes in
            let file = try SafetensorsFile(directory.file("f.safetensors", holding: bytes))
            for tensor in file.tensors {
                let room = UnsafeMutableRawBufferPointer.allocate(byteCount: tensor.range.count, alignment: 64)
                defer { room.deallocate() }
                do throws(Failure) {
                    try file.read(tensor.name, into: room)
                } catch {
                    // Values that are not finite are rejected.
                    room.copyBytes(from: bytes[tensor.range])
                    try Defect.unless(
                        tensor.type.floatFormat.flatMap { firstNonFinite(UnsafeRawBufferPointer(room), $0) } != nil,
                        "\(tensor.name) is refused: \(error)")
                }
                try Defect.unless(
                    room.elementsEqual(bytes[tensor.range]), "\(tensor.name) was read from another place")
            }
            _ = try file.fingerprint { _ in }
        }
    }

    /// The JSON of a header, preceded by two bytes with the number of data bytes that follow it.
    static let safetensorsHeader = FuzzedReader(name: "safetensors-header", refusals: [.badData]) {
        sampleTensors.map { sample in
            let tensors = sources(sample)
            let text = SafetensorsHeader(of: tensors, metadata: ["format": "pt"]).text
            return littleEndian(UInt16(tensors.reduce(0) { $0 + $1.byteCount })) + Array(text.utf8)
        }
    } open: { _ in
        return { bytes in
            let size = Int(bytes.first ?? 0) | Int(bytes.dropFirst().first ?? 0) << 8
            let header = try SafetensorsHeader(parsing: Array(bytes.dropFirst(2)), dataBytes: size, path: "f")
            let written = SafetensorsHeader(
                of: header.entries.map { entry in
                    TensorSource(name: entry.name, type: entry.type, shape: entry.shape) { _ throws(Failure) in }
                }, metadata: header.metadata)
            try Defect.unless(written.entries == header.entries, "the header written again says something else")
            let again = try SafetensorsHeader(parsing: Array(written.text.utf8), dataBytes: size, path: "f")
            try Defect.unless(
                again.entries == header.entries && again.metadata == header.metadata,
                "the header written and read again says something else")
        }
    }

    private typealias Sample = (name: String, type: TensorType, shape: [Int])

    private static let sampleTensors: [[Sample]] = [
        [],
        [("weight", .float32, [2, 3]), ("bias", .float16, [3]), ("é \"\n", .int64, []), ("none", .uint8, [4, 0])],
        TensorType.allCases.map { ("t\($0.rawValue)", $0, [1, 2]) },
    ]

    private static func sources(_ tensors: [Sample]) -> [TensorSource] {
        tensors.map { tensor in
            TensorSource(name: tensor.name, type: tensor.type, shape: tensor.shape) { body throws(Failure) in
                let bytes = (0..<(tensor.type.byteCount(shape: tensor.shape) ?? 0)).map { UInt8($0) }
                try bytes.withUnsafeBufferPointer { bytes throws(Failure) in try body(UnsafeRawBufferPointer(bytes)) }
            }
        }
    }

    private static func safetensorsFile(_ tensors: [Sample]) throws -> [UInt8] {
        try TemporaryDirectory().bytes { path in
            _ = try SafetensorsWriter.write(sources(tensors), metadata: ["format": "pt"], to: path)
        }
    }
}
