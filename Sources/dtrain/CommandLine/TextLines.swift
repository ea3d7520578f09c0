import Failures
import Files

/// The lines of a UTF-8 text, at most 1 GiB.
///
/// - Throws: `badData` for a file without a line, or one that is not UTF-8.
func textLines(of path: String) throws(Failure) -> [String] {
    var lines = try FileSystem.contents(of: path, limitBytes: 1 << 30)
        .split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    // The last newline ends the last line and begins no other.
    if lines.last?.isEmpty == true { lines.removeLast() }
    guard !lines.isEmpty else { throw Failure(.badData, "\(path): is empty; a text a line is needed.") }
    var texts: [String] = []
    texts.reserveCapacity(lines.count)
    for (index, line) in lines.enumerated() {
        guard let text = String(validating: line, as: UTF8.self) else {
            throw Failure(.badData, "\(path): line \(index + 1) is not UTF-8. Convert the file first, as iconv does.")
        }
        texts.append(text)
    }
    return texts
}
