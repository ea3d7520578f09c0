import Failures
import Glibc
import Texts

/// An output file named by the user. It is opened before the work begins and then written sequentially.
///
/// Symbolic links are followed. A regular file is written in place, which keeps its mode, owner and hard links; its old
/// contents are kept until `begin` truncates it. Pipes, sockets, terminals and devices are written to directly, and
/// `/dev/stdout` and `/dev/fd/N` denote the file descriptors of this process.
package final class OutputFile {
    /// The path as the user gave it, for messages.
    package let path: String
    /// Whether the file is a regular file that is written at any position, so that an interrupted command can continue
    /// it. Most files of /proc are only written sequentially, like devices.
    package let isRegular: Bool
    private var descriptor: Int32
    /// The current length of a regular file in bytes.
    private(set) var length = 0
    /// The path of the file if this object has created it and nothing has been written yet.
    private var madePath: String?

    /// Opens `path`, creating the file if it is missing.
    ///
    /// - Parameters:
    ///   - option: The command-line option that specified the path, for messages.
    ///   - inputs: The files and directories that the command reads. The output must not be one of them, nor lie in
    ///     one.
    ///   - waiting: Called once with a message for the user if a pipe has no reader yet.
    ///   - shouldStop: Polled while the call waits for a reader.
    /// - Throws: `usage` for a path that cannot be an output, such as a directory or the input; `inputOutput` for
    ///   errors of the system; `stopped` after `shouldStop` has returned true.
    package init(
        _ path: String, option: String, inputs: [String] = [], waiting: (String) -> Void = { _ in },
        shouldStop: () -> Bool = { false }
    ) throws(Failure) {
        guard !path.isEmpty else { throw Failure(.usage, "\(option) is empty. Name a file.") }
        self.path = path
        let refuse = { (reason: String) in Failure(.usage, "\(option): \(path): \(reason)") }
        if let number = try OutputFile.openDescriptor(named: path) {
            descriptor = fcntl(number, F_DUPFD_CLOEXEC, 3)
            isRegular = false
            // All properties are initialized, so `deinit` closes the descriptor even if this throws.
            guard descriptor >= 0, fcntl(descriptor, F_GETFL) & O_ACCMODE != O_RDONLY else {
                throw refuse("is not open for writing.")
            }
            return
        }
        let isNew = !FileSystem.exists(path)
        descriptor = try OutputFile.open(path, refuse, waiting, shouldStop)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let failure = File.failure("inspect", path, reading: false)
            Glibc.close(descriptor)
            throw failure
        }
        isRegular = status.st_mode & S_IFMT == S_IFREG && pwrite(descriptor, "", 0, 0) == 0
        if isRegular, isNew { madePath = OutputFile.resolved(path) }
        let flags = fcntl(descriptor, F_GETFL)
        if flags >= 0 { _ = fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) }
        if isRegular, let reason = collision(with: inputs, status) { throw refuse(reason) }
        if isRegular, flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            madePath = nil
            throw refuse("another dtrain is writing there. Wait for it or choose another name.")
        }
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
        // If the command has written nothing, the empty file that it has created is removed.
        if let madePath { _ = withSystemPath(madePath) { unlink($0) } }
    }

    /// Truncates a regular file to its first `bytes` bytes; the output is appended to them.
    package func begin(keeping bytes: Int = 0) throws(Failure) {
        madePath = nil
        guard isRegular else { return }
        guard retryingInterrupts({ ftruncate(descriptor, off_t(bytes)) }) == 0 else {
            throw File.failure("truncate", path, reading: false)
        }
        length = bytes
    }

    /// Appends whole lines.
    ///
    /// - Throws: `inputOutput` if not all lines can be written; a regular file then ends after the last complete line.
    package func write(_ lines: [UInt8]) throws(Failure) {
        var done = 0
        while done < lines.count {
            let count = lines.withUnsafeBytes { bytes in
                let (start, remaining) = (bytes.baseAddress! + done, bytes.count - done)
                if SystemFault.strikes(.write) { return -1 }
                return isRegular
                    ? pwrite(descriptor, start, remaining, off_t(length + done))
                    : Glibc.write(descriptor, start, remaining)
            }
            if count > 0 {
                done += count
            } else if count < 0, errno == EAGAIN {
                var wish = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wish, 1, 1000)
            } else if count == 0 || errno != EINTR {
                let failure = File.failure("write", path, reading: false)
                let whole = lines[..<done].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
                if isRegular { try? begin(keeping: length + whole) }
                throw failure
            }
        }
        length += lines.count
    }

    /// Returns how the output coincides with one of `inputs`; nil if it does not. `status` is the output's.
    private func collision(with inputs: [String], _ status: stat) -> String? {
        func isOutput(_ path: String) -> Bool {
            var other = stat()
            return withSystemPath(path) { stat($0, &other) } == 0
                && (other.st_dev, other.st_ino) == (status.st_dev, status.st_ino)
        }
        for input in inputs {
            if isOutput(input) { return "is the same file as the input \(input). Choose another name." }
            guard FileSystem.isDirectory(input) else { continue }
            if let directory = OutputFile.resolved(input), resolvedPath().hasExactPrefix(directory + "/") {
                return "lies in \(input), which the command reads. Choose another directory."
            }
            // The output may be another name of a file in it.
            let names = (try? FileSystem.list(input)) ?? []
            if let name = names.first(where: { isOutput("\(input)/\($0)") }) {
                return "is the same file as the input \(input)/\(name). Choose another name."
            }
        }
        return nil
    }

    /// Checks that a regular file still has its name and its length.
    ///
    /// - Throws: `inputOutput` if another program has removed, replaced, truncated or extended the file.
    package func checkUnchanged() throws(Failure) {
        guard isRegular else { return }
        var (own, named) = (stat(), stat())
        guard fstat(descriptor, &own) == 0 else { throw File.failure("inspect", path, reading: false) }
        let found: String? =
            if withSystemPath(path, { stat($0, &named) }) != 0 {
                "was removed"
            } else if (own.st_dev, own.st_ino) != (named.st_dev, named.st_ino) {
                "was replaced by another file"
            } else if Int(own.st_size) != length {
                "has \(own.st_size) bytes, but \(length) were written"
            } else {
                nil
            }
        guard let found else { return }
        throw Failure(
            .inputOutput,
            "\(path): \(found): another program has changed the file while this command was writing. Start the command "
                + "again when no other program writes there.")
    }

    /// Waits until a regular file is on the disk, then closes it.
    package func close() throws(Failure) {
        if isRegular, SystemFault.strikes(.sync) || retryingInterrupts({ fsync(descriptor) }) != 0 {
            throw File.failure("synchronize", path, reading: false)
        }
        let closing = descriptor
        descriptor = -1
        guard Glibc.close(closing) == 0 || errno == EINTR else { throw File.failure("close", path, reading: false) }
    }

    /// Returns the absolute path of the file, without symbolic links.
    package func resolvedPath() -> String { OutputFile.resolved(path) ?? path }

    private static func resolved(_ path: String) -> String? {
        guard let found = withSystemPath(path, failing: nil, { realpath($0, nil) }) else { return nil }
        defer { free(found) }
        return PathText.text(of: UnsafePointer(found))
    }

    // MARK: Opening

    private static func open(
        _ path: String, _ refuse: (String) -> Failure, _ waiting: (String) -> Void, _ shouldStop: () -> Bool
    ) throws(Failure) -> Int32 {
        var isWaiting = false
        while true {
            // A pipe without a reader must not block the program silently. O_CREAT is omitted for an existing file,
            // because with it the system denies access to another owner's file in directories such as /tmp.
            let flags = O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | (FileSystem.exists(path) ? 0 : O_CREAT)
            let opened = withSystemPath(path) { Glibc.open($0, flags, 0o666) }
            if opened >= 0 { return opened }
            switch errno {
            case EINTR: continue
            case EISDIR: throw refuse("is a directory. Name a file in it.")
            case ENOENT: throw refuse(missing(path))
            case ENOTDIR: throw refuse("a part of the path is a file, not a directory. Choose another name.")
            case ELOOP: throw refuse("symbolic links form a loop. Choose another name.")
            case ENAMETOOLONG: throw refuse("the name is longer than the file system allows. Choose a shorter one.")
            case ENXIO:
                var status = stat()
                guard withSystemPath(path, { stat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFIFO else {
                    if status.st_mode & S_IFMT == S_IFSOCK { return try connect(path, refuse) }
                    throw File.failure("open", path, reading: false)
                }
                if !isWaiting { waiting("\(path): waiting for a program that reads this pipe.") }
                isWaiting = true
                if shouldStop() { throw Failure(.stopped, "\(path): asked to stop; no program has read this pipe.") }
                usleep(50_000)
            default: throw File.failure("open", path, reading: false)
            }
        }
    }

    /// Explains why opening `path` failed with ENOENT although O_CREAT was set.
    private static func missing(_ path: String) -> String {
        if FileSystem.isLink(path) {
            return "a symbolic link into a directory that does not exist. Create the directory, or choose another name."
        }
        return "the directory \(FileSystem.parent(of: path)) does not exist. Create it first, or choose another name."
    }

    private static func connect(_ path: String, _ refuse: (String) -> Failure) throws(Failure) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = PathText.bytes(of: path)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw refuse("the name is too long for a socket. Choose a shorter one.")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let opened = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard opened >= 0 else { throw File.failure("open", path, reading: false) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(opened, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            Glibc.close(opened)
            throw refuse("a socket on which no program listens. Start that program first, or choose another name.")
        }
        return opened
    }

    /// Returns the descriptor number that `path` denotes as `/dev/stdout`, `/dev/fd/N`, or a link to one of them.
    private static func openDescriptor(named path: String) throws(Failure) -> Int32? {
        var path = path
        for _ in 0..<40 {
            for directory in ["/dev/fd/", "/proc/self/fd/", "/proc/\(getpid())/fd/"] {
                let (bytes, start) = (Array(path.utf8), Array(directory.utf8))
                guard bytes.starts(with: start) else { continue }
                return Int32(String(decoding: bytes.dropFirst(start.count), as: UTF8.self))
            }
            guard let next = FileSystem.linkTarget(path) else { return nil }
            path = next
        }
        return nil
    }
}
