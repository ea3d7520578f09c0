import Files
import Tokenizers

@testable import Preparation

extension FuzzedReader {
    /// A compressed text: a byte says which format.
    static let packedText = FuzzedReader(name: "packed-text", refusals: [.badData]) {
        // "a text, a text, a text\n" by gzip, and by zstd with a checksum.
        let gzip: [UInt8] = [
            31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 75, 84, 40, 73, 173, 40, 209, 81, 72, 68, 161, 185, 0, 157, 200, 188,
            70, 23, 0, 0, 0,
        ]
        let zstd: [UInt8] = [
            40, 181, 47, 253, 4, 88, 125, 0, 0, 72, 97, 32, 116, 101, 120, 116, 44, 32, 10, 1, 0, 147, 11, 23, 49,
            135, 19, 111,
        ]
        return [[0] + gzip, [1] + zstd]
    } open: { directory in
        return { bytes in
            let suffix = bytes.first.map { $0 % 2 } == 0 ? "gz" : "zst"
            let path = try directory.file("text.\(suffix)", holding: Array(bytes.dropFirst()))
            let unpacked = try UnpackedInputs([path], in: directory.path) { _ in }
            let plain = try FileSystem.contents(of: unpacked.path(path))
            try Defect.unless(plain.count <= 64 << 20, "a text of \(plain.count) bytes")
            try unpacked.remove()
        }
    }
}
