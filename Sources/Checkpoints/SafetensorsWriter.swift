import Failures
import Files
import Texts

/// Writes safetensors files block by block, directly from the tensors' memory.
enum SafetensorsWriter {
    /// Writes `tensors` in the given order to a new file at `path`, and syncs it to disk.
    ///
    /// - Parameters:
    ///   - metadata: Strings for the header's `__metadata__`.
    ///   - isPrivate: Whether only the owner can read the file.
    /// - Complexity: One pass over the data, which also hashes it; no copy.
    /// - Throws: `inputOutput` if writing fails or `path` already exists.
    static func write(
        _ tensors: [TensorSource], metadata: [ExactText: String] = [:], to path: String, isPrivate: Bool = false
    ) throws(Failure) -> FileFingerprint {
        let file = try File(path, .new, isPrivate: isPrivate)
        var fileDigest = Digest()

        let header = header(of: tensors, metadata)
        header.withUnsafeBytes { fileDigest.update($0) }
        try file.write(header)

        var size = header.count
        var fingerprints: [TensorFingerprint] = []
        for tensor in tensors {
            var tensorDigest = Digest()
            var written = 0
            try tensor.forEachBlock { block throws(Failure) in
                tensorDigest.update(block)
                fileDigest.update(block)
                try file.write(block)
                written += block.count
            }
            precondition(
                written == tensor.byteCount, "The size of tensor \(tensor.name) differs from the declared size.")
            size += written
            fingerprints.append(
                TensorFingerprint(
                    name: tensor.name, type: tensor.type, shape: tensor.shape, digest: tensorDigest.hexadecimal()))
        }
        try file.synchronize()
        try file.close()
        return FileFingerprint(size: size, digest: fileDigest.hexadecimal(), tensors: fingerprints)
    }

    /// The size in bytes of a file of `tensors`.
    static func byteCount(of tensors: [TensorSource], metadata: [ExactText: String] = [:]) -> Int {
        tensors.reduce(header(of: tensors, metadata).count) { $0 + $1.byteCount }
    }

    /// The length field and the header's JSON.
    private static func header(of tensors: [TensorSource], _ metadata: [ExactText: String]) -> [UInt8] {
        let text = Array(SafetensorsHeader(of: tensors, metadata: metadata).text.utf8)
        precondition(text.count <= SafetensorsHeader.maximumBytes, "Too many tensors for a safetensors header.")
        return littleEndianBytes(UInt64(text.count)) + text
    }

    private static func littleEndianBytes(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}

extension SafetensorsFile {
    /// Atomically replaces `path` by a file of `tensors` in the given order.
    ///
    /// - Throws: `inputOutput` if writing fails; the old file remains.
    package static func replace(_ path: String, with tensors: [TensorSource]) throws(Failure) {
        let temporary = FileSystem.temporaryPath(in: FileSystem.parent(of: path))
        do throws(Failure) {
            _ = try SafetensorsWriter.write(tensors, metadata: ["format": "pt"], to: temporary)
            try FileSystem.rename(temporary, to: path)
        } catch {
            try? FileSystem.removeFile(temporary)
            throw error.naming(path, insteadOf: temporary)
        }
        try FileSystem.synchronizeDirectory(FileSystem.parent(of: path))
    }
}
