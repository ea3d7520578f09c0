import Failures
import Glibc
import Texts

/// Operations on directories, names and whole small files. Paths are encoded by `PathText`.
package enum FileSystem {
    /// Returns whether `path` exists, following symbolic links, and false if the system reports an error. Code that
    /// must distinguish absence from an error uses `isPresent`.
    package static func exists(_ path: String) -> Bool { withSystemPath(path) { access($0, F_OK) } == 0 }

    /// Returns whether `path` exists, following symbolic links.
    ///
    /// - Throws: `inputOutput` if it cannot be determined, such as in a directory without permission or for a loop of
    ///   links; `badData` for a name that is too long.
    package static func isPresent(_ path: String) throws(Failure) -> Bool { try status(of: path) != nil }

    /// Returns whether `path` is a directory, following symbolic links.
    ///
    /// - Throws: As `isPresent`.
    package static func isPresentDirectory(_ path: String) throws(Failure) -> Bool {
        try status(of: path).map { Kind($0) == .directory } ?? false
    }

    /// Returns the status of `path`, following symbolic links, or nil if it does not exist.
    private static func status(of path: String) throws(Failure) -> stat? {
        var status = stat()
        if withSystemPath(path, { stat($0, &status) }) == 0 { return status }
        guard errno == ENOENT || errno == ENOTDIR else { throw File.failure("inspect", path, reading: true) }
        return nil
    }

    /// Returns the reason why `path` does not exist, to be appended to a message; empty if only its last component is
    /// missing.
    package static func reasonForAbsence(of path: String) -> String {
        if isLink(path) { return ": it is a symbolic link to something that does not exist" }
        var ancestor = parent(of: path)
        while !exists(ancestor), parent(of: ancestor) != ancestor { ancestor = parent(of: ancestor) }
        return exists(ancestor) && !isDirectory(ancestor) ? ": \(ancestor) is not a directory" : ""
    }

    /// Returns whether `path` is a directory.
    package static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return withSystemPath(path) { stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Returns whether `path` is a symbolic link.
    package static func isLink(_ path: String) -> Bool {
        var status = stat()
        return withSystemPath(path) { lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    /// The kind of a directory entry, with its name for messages.
    package enum Kind: String {
        case regularFile = "a regular file"
        case directory = "a directory"
        case link = "a symbolic link"
        case pipe = "a pipe"
        case socket = "a socket"
        case device = "a device"

        fileprivate init(_ status: stat) {
            self =
                switch status.st_mode & S_IFMT {
                case S_IFREG: .regularFile
                case S_IFDIR: .directory
                case S_IFLNK: .link
                case S_IFIFO: .pipe
                case S_IFSOCK: .socket
                default: .device
                }
        }
    }

    /// Returns the kind of `path`, without following a symbolic link, or nil if it does not exist.
    ///
    /// - Throws: `inputOutput` if it cannot be determined, such as in a directory without permission.
    package static func kind(of path: String) throws(Failure) -> Kind? {
        var status = stat()
        if withSystemPath(path, { lstat($0, &status) }) == 0 { return Kind(status) }
        guard errno == ENOENT || errno == ENOTDIR else { throw File.failure("inspect", path, reading: false) }
        return nil
    }

    /// Returns the kind of `path`, following symbolic links, or nil if it is missing or a regular file.
    package static func specialKind(of path: String) -> Kind? {
        var status = stat()
        guard withSystemPath(path, { stat($0, &status) }) == 0 else { return nil }
        let kind = Kind(status)
        return kind == .regularFile ? nil : kind
    }

    /// Returns the names in a directory without `.` and `..`, in byte order.
    package static func list(_ directory: String) throws(Failure) -> [String] {
        guard let stream = withSystemPath(directory, failing: nil, { opendir($0) }) else {
            throw File.failure("list", directory, reading: true)
        }
        defer { closedir(stream) }
        return try names(in: stream, directory)
    }

    /// Returns the names in an open directory without `.` and `..`, in byte order.
    private static func names(in stream: OpaquePointer, _ directory: String) throws(Failure) -> [String] {
        var names: [String] = []
        while true {
            // `readdir` returns nil at the end and on errors; only errno distinguishes them.
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw File.failure("list", directory, reading: true) }
                break
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { PathText.text(of: UnsafePointer($0)) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sortedExactly()
    }

    /// Creates `directory` and its missing parents, and waits until the new directory entries are on the disk.
    ///
    /// - Returns: The directories that were created, each before those in it. If one cannot be created, none remains.
    @discardableResult
    package static func makeDirectory(_ directory: String) throws(Failure) -> [String] {
        if isDirectory(directory) { return [] }
        let parent = parent(of: directory)
        let made = parent == directory ? [] : try makeDirectory(parent)
        if withSystemPath(directory, { mkdir($0, 0o777) }) != 0 {
            let failure = File.failure("create the directory", directory, reading: false)
            let isTaken = errno == EEXIST
            // Another process may have created it meanwhile.
            if isTaken, isDirectory(directory) { return made }
            removeEmptyDirectories(made)
            guard isTaken else { throw failure }
            throw Failure(
                .inputOutput,
                isLink(directory)
                    ? "\(directory): a symbolic link that does not lead to a directory. Create the directory that it names, or "
                        + "choose another one."
                    : "\(directory): could not create the directory: a file has that name. Choose another directory.")
        }
        try synchronizeDirectory(parent)
        return made + [directory]
    }

    /// Removes directories that `makeDirectory` created, the innermost first, up to the first that is not empty.
    package static func removeEmptyDirectories(_ made: [String]) {
        for directory in made.reversed() {
            guard withSystemPath(directory, { rmdir($0) }) == 0 else { return }
        }
    }

    /// Creates `directory`, which must not exist; its parent must.
    package static func makeNewDirectory(_ directory: String) throws(Failure) {
        guard withSystemPath(directory, { mkdir($0, 0o777) }) == 0 else {
            throw File.failure("create the directory", directory, reading: false)
        }
    }

    /// Renames `source` to `target`, atomically replacing an existing file.
    package static func rename(_ source: String, to target: String) throws(Failure) {
        let isRenamed = withSystemPath(source) { source in
            withSystemPath(target) { SystemFault.strikes(.rename) ? -1 : Glibc.rename(source, $0) }
        }
        guard isRenamed == 0 else {
            throw File.failure("rename to \(target)", source, reading: false)
        }
    }

    /// Copies the file `source` to `target`, which must not exist.
    package static func copy(_ source: String, to target: String) throws(Failure) {
        let input = try File(source, .read)
        let output = try File(target, .new)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var offset = 0
        while true {
            let count = try input.readSome(into: buffer, at: offset)
            if count == 0 { break }
            try output.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += count
        }
        try output.synchronize()
        try output.close()
    }

    /// Removes a file, or a directory with its contents; links are removed, not followed.
    ///
    /// It works on open directories instead of paths, so that replacing a directory by a link meanwhile cannot redirect
    /// the removal.
    package static func remove(_ path: String) throws(Failure) { try remove(path, in: AT_FDCWD, path) }

    /// Removes `name` from the open directory `parent`; `path` is for messages.
    private static func remove(_ name: String, in parent: Int32, _ path: String) throws(Failure) {
        if withSystemPath(name, { unlinkat(parent, $0, 0) }) == 0 { return }
        let reason = errno
        if reason == ENOENT { return }
        let failure = File.failure("remove", path, reading: false)
        // For a directory, `unlinkat` fails with EISDIR on Linux and EPERM according to POSIX.
        guard reason == EISDIR || reason == EPERM else { throw failure }
        let directory = withSystemPath(name) {
            openat(parent, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        }
        guard directory >= 0 else { throw errno == ENOTDIR ? failure : File.failure("open", path, reading: false) }
        guard let stream = fdopendir(directory) else {
            let failure = File.failure("list", path, reading: false)
            close(directory)
            throw failure
        }
        defer { closedir(stream) }
        for name in try names(in: stream, path) { try remove(name, in: directory, path + "/" + name) }
        guard withSystemPath(name, { unlinkat(parent, $0, AT_REMOVEDIR) }) == 0 else {
            throw File.failure("remove", path, reading: false)
        }
    }

    /// Removes the file or link `path` if it exists; directories are not removed.
    package static func removeFile(_ path: String) throws(Failure) {
        guard withSystemPath(path, { unlink($0) }) == 0 || errno == ENOENT else {
            throw File.failure("remove", path, reading: false)
        }
    }

    /// Waits until the entries of `directory` are on the disk (fsync).
    package static func synchronizeDirectory(_ directory: String) throws(Failure) {
        let descriptor = withSystemPath(directory.isEmpty ? "." : directory) {
            open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        guard descriptor >= 0 else { throw File.failure("open", directory, reading: false) }
        defer { close(descriptor) }
        guard retryingInterrupts({ fsync(descriptor) }) == 0 else {
            throw File.failure("synchronize", directory, reading: false)
        }
    }

    /// Returns the bytes of a small file.
    ///
    /// - Throws: `badData` if the file is larger than `limitBytes`, which bounds the allocation.
    package static func contents(
        of path: String, limitBytes: Int = 64 << 20, followingLinks: Bool = true
    ) throws(Failure) -> [UInt8] {
        let file = try File(path, .read, followingLinks: followingLinks)
        let size = try file.size()
        if size == 0 { return try file.unsizedContents(limitBytes: limitBytes) }
        guard size <= limitBytes else {
            throw Failure(.badData, "\(path): has \(size) bytes; the limit for such a file is \(limitBytes).")
        }
        var bytes = [UInt8](repeating: 0, count: size)
        let result: Result<Void, Failure> = bytes.withUnsafeMutableBytes { buffer in
            do throws(Failure) { return .success(try file.read(into: buffer, at: 0)) } catch { return .failure(error) }
        }
        try result.get()
        return bytes
    }

    /// Returns the device and inode of `path`, which distinguish it from all other files of this machine; nil if it
    /// cannot be inspected.
    package static func identity(of path: String) -> String? {
        var status = stat()
        guard withSystemPath(path, { stat($0, &status) }) == 0 else { return nil }
        return "\(status.st_dev):\(status.st_ino)"
    }

    /// Returns the contents of a small file in /proc or /sys, whose reported size is 0, or nil if it cannot be read.
    package static func systemText(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return withUnsafeTemporaryAllocation(byteCount: 1 << 14, alignment: 8) { buffer in
            var count = 0
            while count < buffer.count {
                let more = read(descriptor, buffer.baseAddress! + count, buffer.count - count)
                if more < 0 { return nil }
                if more == 0 { break }
                count += more
            }
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    /// Returns the free space in bytes of the file system of `directory`, or `Int.max` if it is unknown.
    package static func freeBytes(in directory: String) throws(Failure) -> Int {
        var status = statvfs()
        guard withSystemPath(directory, { statvfs($0, &status) }) == 0 else {
            throw File.failure("inspect", directory, reading: false)
        }
        // Some network and user-space file systems report zeros only.
        if status.f_blocks == 0 { return Int.max }
        let (bytes, overflow) = Int(clamping: status.f_bavail)
            .multipliedReportingOverflow(by: Int(clamping: status.f_frsize))
        return overflow ? Int.max : bytes
    }

    /// Returns the absolute form of `path`, or `path` itself if the working directory does not exist any more.
    package static func absolute(_ path: String) -> String {
        guard path.utf8.first != UInt8(ascii: "/"), let found = getcwd(nil, 0) else { return path }
        defer { free(found) }
        return PathText.text(of: UnsafePointer(found)) + "/" + path
    }

    /// Returns the directory that contains `path`, "." for a bare name. Trailing slashes are ignored.
    package static func parent(of path: String) -> String {
        var path = Substring(path).unicodeScalars
        while path.count > 1, path.last == "/" { path.removeLast() }
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
