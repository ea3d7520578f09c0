import Failures
import Glibc
import Texts

// A file is replaced by a new one that takes its name in one step. The new one is written under a temporary name that no
// user's file has: `.dtrain-`, 16 random hexadecimal digits, `.tmp`.

extension FileSystem {
    private static let temporaryStart = ".dtrain-"
    private static let temporaryEnd = ".tmp"

    /// A path in `directory` that nothing has, whatever the names there.
    package static func temporaryPath(in directory: String) -> String {
        let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
        let name = temporaryStart + String(repeating: "0", count: 16 - digits.count) + digits + temporaryEnd
        return directory + "/" + name
    }

    /// Whether `name` is one that `temporaryPath` makes.
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

    /// Removes the temporary files that processes which were killed have left in `directory`. Those that a living process
    /// writes stay, and so does what cannot be removed.
    package static func removeTemporaryFiles(in directory: String) throws(Failure) {
        for name in try list(directory).filter(isTemporary) {
            let path = directory + "/" + name
            guard let file = try? File(path, .update, followingLinks: false), (try? file.tryLock()) == true else {
                continue
            }
            try? removeFile(path)
        }
    }

    /// Replaces the file `path` by one that holds `text`, in one step: a reader sees the old or the new, never a part.
    package static func replaceContents(of path: String, with text: String) throws(Failure) {
        try replaceContents(of: path) { (file: borrowing File) throws(Failure) in try file.write(text) }
    }

    /// Replaces the file `path` by what `write` writes, in one step: a reader sees the old or the new, never a part.
    ///
    /// A symbolic link stays, and the file that it names is replaced. The new file has the mode of the old one, and its
    /// owner where the system allows it. When anything fails the old file stands as it was.
    package static func replaceContents(
        of path: String, writing write: (borrowing File) throws(Failure) -> Void
    ) throws(Failure) {
        let target = try followingLinks(path)
        let directory = parent(of: target)
        let temporary = temporaryPath(in: directory)
        do throws(Failure) {
            let file = try File(temporary, .new)
            // Tells `removeTemporaryFiles` that the file is in use. Some file systems have no locks.
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

    /// Gives the file `source` the name `target` in one step; the mode, and where possible the owner, of a file of that name
    /// stay.
    package static func move(_ source: String, replacing target: String) throws(Failure) {
        try File(source, .update).adoptAttributes(ofFileAt: target)
        try rename(source, to: target)
    }

    /// The path that the symbolic links at the end of `path` lead to; what it names need not exist.
    ///
    /// - Throws: `inputOutput` where they lead in a circle, or to something that is no regular file.
    private static func followingLinks(_ name: String) throws(Failure) -> String {
        var path = name
        var count = 0
        while let next = linkTarget(path) {
            count += 1
            guard count <= 40 else {
                throw Failure(.inputOutput, "\(name): symbolic links lead in a circle. Choose another name.")
            }
            path = next
        }
        var status = stat()
        if withSystemPath(path, { lstat($0, &status) }) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw Failure(.inputOutput, "\(name): not a regular file. Choose another name.")
        }
        return path
    }

    /// What the symbolic link `path` names, as a path that is found from where `path` is; nil where it is no link.
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
    /// The failure with the name that a user knows for a temporary one.
    package func naming(_ path: String, insteadOf temporary: String) -> Failure {
        let parts = message.split(separator: temporary, omittingEmptySubsequences: false)
        return Failure(exitCode, parts.joined(separator: path))
    }
}
