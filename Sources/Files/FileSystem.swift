import Failures
import Glibc
import Texts

/// Directories, names and whole small files. Paths are text as `PathText` makes it.
package enum FileSystem {
    /// Whether anything of that name exists (a link that leads nowhere does not).
    package static func exists(_ path: String) -> Bool { withSystemPath(path) { access($0, F_OK) } == 0 }

    /// Whether `path` is a directory.
    package static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return withSystemPath(path) { stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Whether `path` is a symbolic link.
    package static func isLink(_ path: String) -> Bool {
        var status = stat()
        return withSystemPath(path) { lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    /// What `path` is where it is neither missing nor a regular file: "a directory", "a pipe", "a socket" or "a device".
    package static func specialKind(of path: String) -> String? {
        var status = stat()
        guard withSystemPath(path, { stat($0, &status) }) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return nil
        case S_IFDIR: return "a directory"
        case S_IFIFO: return "a pipe"
        case S_IFSOCK: return "a socket"
        default: return "a device"
        }
    }

    /// The names in a directory, without `.` and `..`, in the order of the bytes of their texts.
    package static func list(_ directory: String) throws(Failure) -> [String] {
        guard let stream = withSystemPath(directory, failing: nil, { opendir($0) }) else {
            throw File.failure("list", directory, reading: true)
        }
        defer { closedir(stream) }
        return try names(in: stream, directory)
    }

    /// The names in an open directory, without `.` and `..`, in the order of the bytes of their texts.
    private static func names(in stream: OpaquePointer, _ directory: String) throws(Failure) -> [String] {
        var names: [String] = []
        while true {
            // The end and an error look alike but for errno.
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

    /// Makes `directory` and its missing parents, and returns once the new names are on the disk.
    package static func makeDirectory(_ directory: String) throws(Failure) {
        if isDirectory(directory) { return }
        let parent = parent(of: directory)
        if parent != directory { try makeDirectory(parent) }
        if withSystemPath(directory, { mkdir($0, 0o777) }) != 0 {
            let failure = File.failure("make the directory", directory, reading: false)
            let isTaken = errno == EEXIST
            // Another process may have made it meanwhile.
            if isTaken, isDirectory(directory) { return }
            guard isTaken else { throw failure }
            throw Failure(
                .inputOutput,
                isLink(directory)
                    ? "\(directory): a symbolic link that leads to no directory. Make the directory that it names, or "
                        + "choose another one."
                    : "\(directory): could not make the directory: a file has that name. Choose another directory.")
        }
        try synchronizeDirectory(parent)
    }

    /// Makes the directory `directory`, which must not be there yet, in one that is there.
    package static func makeNewDirectory(_ directory: String) throws(Failure) {
        guard withSystemPath(directory, { mkdir($0, 0o777) }) == 0 else {
            throw File.failure("make the directory", directory, reading: false)
        }
    }

    /// Gives `source` the name `target`, replacing a file of that name in one step.
    package static func rename(_ source: String, to target: String) throws(Failure) {
        let isRenamed = withSystemPath(source) { source in
            withSystemPath(target) { SystemFault.strikes(.rename) ? -1 : Glibc.rename(source, $0) }
        }
        guard isRenamed == 0 else {
            throw File.failure("rename to \(target)", source, reading: false)
        }
    }

    /// Makes `target`, which must not be there yet, a file with the bytes of `source`.
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

    /// Removes a file, or a directory with all that is in it; links are removed, never followed.
    ///
    /// It goes by open directories and not by paths: what somebody puts in the place of a directory meanwhile is safe.
    package static func remove(_ path: String) throws(Failure) { try remove(path, in: AT_FDCWD, path) }

    /// Removes `name` from the open directory `parent`.
    private static func remove(_ name: String, in parent: Int32, _ path: String) throws(Failure) {
        if withSystemPath(name, { unlinkat(parent, $0, 0) }) == 0 { return }
        let reason = errno
        if reason == ENOENT { return }
        let failure = File.failure("remove", path, reading: false)
        // Directories are EISDIR to Linux and EPERM to POSIX.
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

    /// Removes the file or link `path`, where there is one; not a directory.
    package static func removeFile(_ path: String) throws(Failure) {
        guard withSystemPath(path, { unlink($0) }) == 0 || errno == ENOENT else {
            throw File.failure("remove", path, reading: false)
        }
    }

    /// Returns once the names in `directory` are on the disk.
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

    /// The bytes of a small file.
    ///
    /// - Throws: `badData` where it is larger than `limitBytes`, which bounds what is allocated.
    package static func contents(
        of path: String, limitBytes: Int = 64 << 20, followingLinks: Bool = true
    ) throws(Failure) -> [UInt8] {
        let file = try File(path, .read, followingLinks: followingLinks)
        let size = try file.size()
        guard size <= limitBytes else {
            throw Failure(.badData, "\(path): \(size) bytes, at most \(limitBytes) are expected of such a file.")
        }
        var bytes = [UInt8](repeating: 0, count: size)
        let result: Result<Void, Failure> = bytes.withUnsafeMutableBytes { buffer in
            do throws(Failure) { return .success(try file.read(into: buffer, at: 0)) } catch { return .failure(error) }
        }
        try result.get()
        return bytes
    }

    /// What the system tells in a small file of /proc or /sys, whose size it does not tell; nil where there is none.
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

    /// The bytes that may still be written to the file system of `directory`; `Int.max` where it does not say.
    package static func freeBytes(in directory: String) throws(Failure) -> Int {
        var status = statvfs()
        guard withSystemPath(directory, { statvfs($0, &status) }) == 0 else {
            throw File.failure("inspect", directory, reading: false)
        }
        // Some network and user-space file systems tell nothing but zeros.
        if status.f_blocks == 0 { return Int.max }
        let (bytes, overflow) = Int(clamping: status.f_bavail)
            .multipliedReportingOverflow(by: Int(clamping: status.f_frsize))
        return overflow ? Int.max : bytes
    }

    /// The directory that `path` stands in: "." for a bare name. Slashes at the end do not count.
    package static func parent(of path: String) -> String {
        var path = Substring(path).unicodeScalars
        while path.count > 1, path.last == "/" { path.removeLast() }
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
