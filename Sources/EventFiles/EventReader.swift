import Failures
import Files

/// Reads the events of a file in order.
///
/// A record is the length of its data (8 bytes), the masked checksum of the length (4 bytes), the data, and the masked
/// checksum of the data (4 bytes), all little-endian (TensorFlow's TFRecord).
package struct EventReader: ~Copyable {
    private let file: File
    /// The position behind the last event that was read, in bytes.
    package private(set) var position = 0

    /// The largest accepted data of a record, in bytes.
    static let recordLimitBytes = 256 << 20

    /// Opens an event file. A symbolic link is not followed.
    package init(_ path: String) throws(Failure) {
        file = try File(path, .read, followingLinks: false)
    }

    /// The next event; nil at the end of the file, and before a record that is not complete, as a writer leaves that
    /// was killed.
    ///
    /// - Throws: `badData` for a record with a wrong checksum or with data that are not an event.
    package mutating func next() throws(Failure) -> Event? {
        let header = try bytes(12, at: position)
        guard header.count == 12 else { return nil }
        let length: UInt64 = littleEndian(header[..<8])
        guard littleEndian(header[8...]) == CRC32C.masked(header[..<8]) else {
            throw damage("the checksum of the length is wrong")
        }
        guard length <= UInt64(EventReader.recordLimitBytes) else {
            throw damage("a record has \(length) bytes; allowed: \(EventReader.recordLimitBytes)")
        }
        // The length is compared with the file before memory is allocated.
        guard try file.size() >= position + 16 + Int(length) else { return nil }
        let rest = try bytes(Int(length) + 4, at: position + 12)
        guard rest.count == Int(length) + 4 else { return nil }
        let (data, checksum) = (rest.dropLast(4), rest.suffix(4))
        guard littleEndian(checksum) == CRC32C.masked(data) else { throw damage("the checksum of a record is wrong") }
        do throws(MessageFields.Malformed) {
            let event = try Event(parsing: data)
            position += rest.count + 12
            return event
        } catch {
            throw damage("a record is not an event")
        }
    }

    private func bytes(_ count: Int, at offset: Int) throws(Failure) -> ArraySlice<UInt8> {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { buffer.deallocate() }
        return ArraySlice(buffer[..<(try file.readSome(into: buffer, at: offset))])
    }

    private func damage(_ finding: String) -> Failure {
        Failure(.badData, "\(file.path): damaged at byte \(position): \(finding).")
    }
}
