import Failures
import Files

/// Writes a file from its start to its end, and hashes it on the way.
final class RecordFileWriter {
    private let file: File
    private var digest = Digest()
    private var held: [UInt8] = []
    private var byteCount = 0

    private static let bufferBytes = 1 << 18

    /// Starts the file `path`, emptying an existing one of that name.
    init(_ path: String) throws(Failure) {
        file = try File(path, .create)
    }

    /// Appends `bytes`.
    func append(_ bytes: some Sequence<UInt8>) throws(Failure) {
        held.append(contentsOf: bytes)
        if held.count >= RecordFileWriter.bufferBytes { try flush() }
    }

    /// Appends a number, little-endian.
    func append(_ number: UInt32) throws(Failure) {
        for shift in [0, 8, 16, 24] as [UInt32] { held.append(UInt8(truncatingIfNeeded: number >> shift)) }
        if held.count >= RecordFileWriter.bufferBytes { try flush() }
    }

    /// Returns once the file is on the disk: what the manifest says of it.
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
