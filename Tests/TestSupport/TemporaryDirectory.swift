import Files
import Glibc

/// A new empty directory that is removed with its contents when the value is deinitialized.
package final class TemporaryDirectory: Sendable {
    /// The directory's absolute path.
    package let path: String

    /// Creates a directory in the system's directory for temporary files.
    package init() {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/dtrain-test-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "No temporary directory could be made.")
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { try? FileSystem.remove(path) }

    /// Returns the path of `name` in the directory.
    package func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file with those bytes and returns its path.
    package func file(_ name: String, holding bytes: [UInt8]) throws -> String {
        let path = file(name)
        try File(path, .create).write(bytes)
        return path
    }
}
