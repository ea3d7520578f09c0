import Glibc
import Texts

// Every path passed to a system call is converted here.

/// Calls `body` with the bytes of `path`, terminated by a zero byte.
///
/// - Returns: The result of `body`; `failing`, with errno set to ENOENT, if the path contains a zero byte, which no
///   file name can contain.
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

/// Calls `body`, a system call that returns −1 on failure.
func withSystemPath(_ path: String, _ body: (UnsafePointer<CChar>) -> Int32) -> Int32 {
    withSystemPath(path, failing: -1, body)
}
