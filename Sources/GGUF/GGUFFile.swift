import Failures
import Files

/// Writes files in the GGUF format, version 3, which llama.cpp and programs like it read.
///
/// A file has metadata, the descriptions of all tensors, and their data, each tensor at a multiple of 32 bytes.
///
/// - Source: ggml's documentation, docs/gguf.md.
enum GGUFFile {
    /// A value of the metadata.
    enum Value {
        case integer(Int)
        case real(Double)
        case text(String)
        case texts([String])
        case reals([Float])
        case integers([Int])
        case flag(Bool)
        case bytes([UInt8])
    }

    /// Tensor data begins at multiples of this number of bytes.
    private static let alignment = 32

    /// Writes a new file and syncs it to disk.
    ///
    /// - Throws: `inputOutput` if writing fails or the file exists; the error of a tensor's rows.
    static func write(
        _ metadata: [(key: String, value: Value)], _ tensors: [GGUFTensor], to path: String
    ) throws(Failure) {
        let file = try File(path, .new)
        var bytes = GGUFBytes()
        bytes.bytes += Array("GGUF".utf8)
        bytes.append(UInt32(3))
        bytes.append(UInt64(tensors.count))
        bytes.append(UInt64(metadata.count))
        for (key, value) in metadata { bytes.append(key, value) }
        var offset = 0
        for tensor in tensors {
            bytes.append(tensor.name)
            // The extents of GGUF begin with that of a row.
            bytes.append(UInt32(tensor.shape.count))
            for extent in tensor.shape.reversed() { bytes.append(UInt64(extent)) }
            bytes.append(tensor.type.rawValue)
            bytes.append(UInt64(offset))
            offset += padded(tensor.byteCount)
        }
        bytes.pad(to: alignment)
        try file.write(bytes.bytes)
        for tensor in tensors {
            try tensor.forEachRow { row throws(Failure) in try file.write(row) }
            try file.write([UInt8](repeating: 0, count: padded(tensor.byteCount) - tensor.byteCount))
        }
        try file.synchronize()
        try file.close()
    }

    private static func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
}

/// The bytes of a GGUF header.
private struct GGUFBytes {
    var bytes: [UInt8] = []

    mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    mutating func append(_ text: String) {
        append(UInt64(text.utf8.count))
        bytes += text.utf8
    }

    mutating func pad(to alignment: Int) {
        bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment)
    }

    mutating func append(_ key: String, _ value: GGUFFile.Value) {
        append(key)
        switch value {
        case .integer(let number):
            append(UInt32(4))
            append(UInt32(number))
        case .real(let number):
            append(UInt32(6))
            append(Float(number).bitPattern)
        case .text(let text):
            append(UInt32(8))
            append(text)
        case .texts(let texts):
            appendArray(8, count: texts.count)
            for text in texts { append(text) }
        case .reals(let numbers):
            appendArray(6, count: numbers.count)
            for number in numbers { append(number.bitPattern) }
        case .integers(let numbers):
            appendArray(5, count: numbers.count)
            for number in numbers { append(Int32(number)) }
        case .flag(let flag):
            append(UInt32(7))
            append(UInt8(flag ? 1 : 0))
        case .bytes(let values):
            appendArray(0, count: values.count)
            bytes += values
        }
    }

    private mutating func appendArray(_ type: UInt32, count: Int) {
        append(UInt32(9))
        append(type)
        append(UInt64(count))
    }
}
