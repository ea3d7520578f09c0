import Datasets
import Failures
import Files

/// Writes a file sequentially and hashes it.
final class RecordFileWriter {
    private let file: File
    private var digest = Digest()
    private var held: [UInt8] = []
    private var byteCount = 0

    private static let bufferBytes = 1 << 18

    /// Creates the file `path`, or truncates an existing one.
    init(_ path: String) throws(Failure) {
        file = try File(path, .create)
    }

    /// Appends `bytes`.
    func append(_ bytes: some Sequence<UInt8>) throws(Failure) {
        held.append(contentsOf: bytes)
        if held.count >= RecordFileWriter.bufferBytes { try flush() }
    }

    /// Appends an integer, little-endian.
    func append(_ number: UInt32) throws(Failure) {
        for shift in [0, 8, 16, 24] as [UInt32] { held.append(UInt8(truncatingIfNeeded: number >> shift)) }
        if held.count >= RecordFileWriter.bufferBytes { try flush() }
    }

    /// Syncs the file to disk, and returns its entry for the manifest.
    func finish() throws(Failure) -> RecordedFile {
        try flush()
        try file.synchronize()
        return RecordedFile(file: FileName.last(of: file.path), bytes: byteCount, digest: digest.hexadecimal())
    }

    private func flush() throws(Failure) {
        held.withUnsafeBytes { digest.update($0) }
        try file.write(held)
        byteCount += held.count
        held.removeAll(keepingCapacity: true)
    }
}
