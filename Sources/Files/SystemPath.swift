import Glibc
import Texts

// The one way from a path of the program to a call of the system, and back.

/// Calls `body` with the bytes of `path`, ended by a zero byte.
///
/// - Returns: What `body` returns; `failing`, with `errno` as for a missing file, where the path has a zero byte, which no
///   file's name can have.
func withSystemPath<Result>(
    _ path: String, failing: Result, _ body: (UnsafePointer<CChar>) -> Result
) -> Result {
    guard PathText.isEscaped(path) || path.utf8.contains(0) else { return path.withCString(body) }
    let bytes = PathText.bytes(of: path)
    guard !bytes.contains(0) else {
        errno = ENOENT
        return failing
    }
    return (bytes.map(CChar.init(bitPattern:)) + [0]).withUnsafeBufferPointer { body($0.baseAddress!) }
}

/// Calls `body`, a call of the system that returns -1 where it fails.
func withSystemPath(_ path: String, _ body: (UnsafePointer<CChar>) -> Int32) -> Int32 {
    withSystemPath(path, failing: -1, body)
}
