import Failures
import Glibc
import Texts

// Files are replaced atomically: the new contents are written to a temporary file, which is then renamed. A temporary
// name is `.dtrain-`, 16 random hexadecimal digits, `.tmp`; no user's file has such a name.

extension FileSystem {
    private static let temporaryStart = ".dtrain-"
    private static let temporaryEnd = ".tmp"

    /// Returns an unused path for a temporary file in `directory`.
    package static func temporaryPath(in directory: String) -> String {
        let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
        let name = temporaryStart + String(repeating: "0", count: 16 - digits.count) + digits + temporaryEnd
        return directory + "/" + name
    }

    /// Returns whether `name` has the form of temporary names.
    package static func isTemporary(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        let (start, end) = (Array(temporaryStart.utf8), Array(temporaryEnd.utf8))
        guard bytes.count == start.count + 16 + end.count, bytes.starts(with: start),
            bytes.suffix(end.count).elementsEqual(end)
        else { return false }
        return bytes.dropFirst(start.count).prefix(16).allSatisfy {
            UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0
        }
    }

    /// Removes the temporary files that killed processes have left in `directory`. Files in use by a running process,
    /// and files that cannot be removed, are kept.
    package static func removeTemporaryFiles(in directory: String) throws(Failure) {
        for name in try list(directory).filter(isTemporary) {
            let path = directory + "/" + name
            guard let file = try? File(path, .update, followingLinks: false), (try? file.tryLock()) == true else {
                continue
            }
            try? removeFile(path)
        }
    }

    /// Atomically replaces the file `path` by one that contains `text`: readers see the old or the new contents, never
    /// a mixture.
    package static func replaceContents(
        of path: String, with text: String, followingLinks: Bool = true
    ) throws(Failure) {
        try replaceContents(of: path, followingLinks: followingLinks) { (file: borrowing File) throws(Failure) in
            try file.write(text)
        }
    }

    /// Atomically replaces the file `path` by the output of `write`: readers see the old or the new contents, never a
    /// mixture.
    ///
    /// The new file has the mode of the old one, and its owner if permitted. If anything fails, the old file is
    /// unchanged.
    ///
    /// - Parameter followingLinks: Whether the target of a symbolic link `path` is replaced; otherwise a link is an
    ///   error.
    /// - Throws: `inputOutput` if `path` is something other than a regular file, or cannot be written.
    package static func replaceContents(
        of path: String, followingLinks: Bool = true, writing write: (borrowing File) throws(Failure) -> Void
    ) throws(Failure) {
        let target = try fileToReplace(path, followingLinks: followingLinks)
        let directory = parent(of: target)
        let temporary = temporaryPath(in: directory)
        do throws(Failure) {
            let file = try File(temporary, .new)
            // The lock marks the file as in use for `removeTemporaryFiles`. Not every file system has locks.
            _ = try? file.tryLock()
            try write(file)
            file.adoptAttributes(ofFileAt: target)
            try file.synchronize()
            try rename(temporary, to: target)
            try file.close()
        } catch {
            try? removeFile(temporary)
            throw error.naming(path, insteadOf: temporary)
        }
        try synchronizeDirectory(directory)
    }

    /// Atomically renames `source` to `target`. An existing `target` is replaced, but its mode, and if permitted its
    /// owner, are kept.
    package static func move(_ source: String, replacing target: String) throws(Failure) {
        try File(source, .update).adoptAttributes(ofFileAt: target)
        try rename(source, to: target)
    }

    /// Resolves the symbolic links at the end of `path` if `followingLinks`; the target need not exist.
    ///
    /// - Throws: `inputOutput` if the links form a cycle or lead to something other than a regular file.
    private static func fileToReplace(_ name: String, followingLinks: Bool) throws(Failure) -> String {
        var path = name
        var count = 0
        while followingLinks, let next = linkTarget(path) {
            count += 1
            guard count <= 40 else {
                throw Failure(.inputOutput, "\(name): symbolic links form a loop. Choose another name.")
            }
            path = next
        }
        if let kind = try kind(of: path), kind != .regularFile {
            throw Failure(.inputOutput, "\(name): is \(kind.rawValue), not a regular file. Choose another name.")
        }
        return path
    }

    /// Returns the target of the symbolic link `path`, relative to the working directory or absolute, or nil if `path`
    /// is not a link.
    static func linkTarget(_ path: String) -> String? {
        let target = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX) + 1) { buffer -> String? in
            let length = withSystemPath(path, failing: -1) { readlink($0, buffer.baseAddress!, Int(PATH_MAX)) }
            guard length > 0 else { return nil }
            buffer[length] = 0
            return PathText.text(of: UnsafePointer(buffer.baseAddress!))
        }
        guard let target else { return nil }
        return target.utf8.first == UInt8(ascii: "/") ? target : parent(of: path) + "/" + target
    }
}

extension Failure {
    /// Returns the failure with `temporary` in its message replaced by `path`, the name that the user knows.
    package func naming(_ path: String, insteadOf temporary: String) -> Failure {
        let parts = message.split(separator: temporary, omittingEmptySubsequences: false)
        return Failure(exitCode, parts.joined(separator: path))
    }
}
