import Failures
import Files

/// Writes safetensors files, block by block, from where the tensors lie.
enum SafetensorsWriter {
    /// Writes `tensors` to a new file at `path`, in the order given, and returns once it is on the disk.
    ///
    /// - Parameter metadata: Texts for the header's `__metadata__`.
    /// - Complexity: One pass over the data, hashed on the way; no copy of it.
    /// - Throws: `inputOutput` where the disk does not take it.
    static func write(
        _ tensors: [TensorSource], metadata: [String: String] = [:], to path: String
    ) throws(Failure) -> FileFingerprint {
        let file = try File(path, .create, followingLinks: false)
        var fileDigest = Digest()

        var header = Array(SafetensorsHeader(of: tensors, metadata: metadata).text.utf8)
        precondition(header.count <= SafetensorsHeader.maximumBytes, "Too many tensors for a safetensors header.")
        header.insert(contentsOf: littleEndianBytes(UInt64(header.count)), at: 0)
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
            precondition(written == tensor.byteCount, "The tensor \(tensor.name) came with another size.")
            size += written
            fingerprints.append(
                TensorFingerprint(
                    name: tensor.name, type: tensor.type, shape: tensor.shape, digest: tensorDigest.hexadecimal()))
        }
        try file.synchronize()
        return FileFingerprint(size: size, digest: fileDigest.hexadecimal(), tensors: fingerprints)
    }

    private static func littleEndianBytes(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}

extension SafetensorsFile {
    /// Makes `path` a file of `tensors`, in the order given: whatever happens, it is the old file or the new one.
    ///
    /// - Throws: `inputOutput` where the disk does not take it.
    package static func replace(_ path: String, with tensors: [TensorSource]) throws(Failure) {
        let temporary = path + ".new"
        do throws(Failure) {
            _ = try SafetensorsWriter.write(tensors, metadata: ["format": "pt"], to: temporary)
            try FileSystem.rename(temporary, to: path)
        } catch {
            try? FileSystem.remove(temporary)
            throw error
        }
        try FileSystem.synchronizeDirectory(FileSystem.parent(of: path))
    }
}
