import Failures
import Glibc

/// An open file: the one gateway through which the program reads and writes the disk.
///
/// Every call reads or writes all that it was asked to, retries what a signal interrupted, and throws a `Failure`
/// that names the file and the system's reason. Who writes ends with `close`, which tells what the system has kept for
/// the end; a file that is not closed, because something else failed before, closes itself.
package struct File: ~Copyable {
    /// The path it was opened with, for messages.
    package let path: String
    /// Below 0 once it is closed.
    private var descriptor: Int32

    /// What a file is opened for.
    package enum Mode {
        /// Reading an existing regular file.
        case read
        /// Writing a file that is not there yet: whatever has that name, a link or a pipe too, is left as it is.
        case new
        /// Writing a new file; an existing one of that name is emptied.
        case create
        /// Writing at the end of a file, created where it is missing.
        case append
        /// Reading and overwriting a file, created where it is missing; what it holds stays.
        case update
    }

    /// Opens `path`.
    ///
    /// - Parameters:
    ///   - followingLinks: Whether `path` itself may be a symbolic link.
    ///   - isPrivate: Whether a file that is made is for its owner alone (mode 0600); otherwise the umask decides.
    /// - Throws: `badData` for reading what does not exist or is not a regular file, otherwise `inputOutput`.
    package init(
        _ path: String, _ mode: Mode, followingLinks: Bool = true, isPrivate: Bool = false
    ) throws(Failure) {
        let access =
            switch mode {
            case .read: O_RDONLY
            case .new: O_WRONLY | O_CREAT | O_EXCL
            case .create: O_WRONLY | O_CREAT | O_TRUNC
            case .append: O_WRONLY | O_CREAT | O_APPEND
            case .update: O_RDWR | O_CREAT
            }
        // A FIFO must not make the open hang.
        let flags = access | O_NONBLOCK | O_CLOEXEC | (followingLinks ? 0 : O_NOFOLLOW)
        let opened = withSystemPath(path) { path in
            retryingInterrupts { open(path, flags, isPrivate ? 0o600 : 0o666) }
        }
        guard opened >= 0 else {
            if errno == ELOOP, !followingLinks {
                throw Failure(mode == .read ? .badData : .inputOutput, "\(path): a symbolic link, not followed here.")
            }
            throw File.failure("open", path, reading: mode == .read)
        }
        var status = stat()
        guard fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            Glibc.close(opened)
            throw Failure(mode == .read ? .badData : .inputOutput, "\(path): not a regular file.")
        }
        self.path = path
        descriptor = opened
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// Closes the file.
    ///
    /// - Throws: `inputOutput` where the system says only now that it could not keep what was written, as NFS may.
    package consuming func close() throws(Failure) {
        let closing = descriptor
        descriptor = -1
        // Interrupted, it is closed all the same on Linux: another call could close somebody else's file.
        guard Glibc.close(closing) == 0 || errno == EINTR else { throw File.failure("close", path, reading: false) }
    }

    /// The file's length in bytes.
    package func size() throws(Failure) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw File.failure("inspect", path, reading: true) }
        return Int(status.st_size)
    }

    /// What tells this file, as it is now, from another one and from itself after a change.
    package func stamp() throws(Failure) -> FileStamp {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw File.failure("inspect", path, reading: true) }
        return FileStamp(status)
    }

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// - Throws: `badData` where the file ends before the buffer is full.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(Failure) {
        let count = try readSome(into: buffer, at: offset)
        guard count == buffer.count else {
            // It may end before what was asked for.
            let end = count > 0 ? offset + count : try size()
            throw Failure(.badData, "\(path): ends at byte \(end), \(buffer.count) bytes from \(offset) were expected.")
        }
    }

    /// Reads up to `buffer.count` bytes from `offset` on; fewer only at the end of the file.
    ///
    /// - Returns: The number of bytes read.
    package func readSome(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(Failure) -> Int {
        var done = 0
        while done < buffer.count {
            let (start, remaining) = (buffer.baseAddress! + done, buffer.count - done)
            let count =
                SystemFault.strikes(.read)
                ? -1 : retryingInterrupts { pread(descriptor, start, remaining, off_t(offset + done)) }
            guard count >= 0 else { throw File.failure("read", path, reading: true) }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Appends all of `bytes`.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        var done = 0
        while done < bytes.count {
            let (start, remaining) = (bytes.baseAddress! + done, bytes.count - done)
            let count =
                SystemFault.strikes(.write) ? -1 : retryingInterrupts { Glibc.write(descriptor, start, remaining) }
            guard count > 0 else { throw File.failure("write", path, reading: false) }
            done += count
        }
    }

    /// Appends all of `bytes`.
    package func write(_ bytes: [UInt8]) throws(Failure) {
        let result: Result<Void, Failure> = bytes.withUnsafeBytes { bytes in
            do throws(Failure) { return .success(try write(bytes)) } catch { return .failure(error) }
        }
        try result.get()
    }

    /// Appends the UTF-8 bytes of `text`.
    package func write(_ text: String) throws(Failure) { try write(Array(text.utf8)) }

    /// Overwrites the bytes from `offset` on; the file was opened with `.create` or `.update`.
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(Failure) {
        var done = 0
        while done < bytes.count {
            let (start, remaining) = (bytes.baseAddress! + done, bytes.count - done)
            let count =
                SystemFault.strikes(.write)
                ? -1 : retryingInterrupts { pwrite(descriptor, start, remaining, off_t(offset + done)) }
            guard count > 0 else { throw File.failure("write", path, reading: false) }
            done += count
        }
    }

    /// Returns once the file's bytes are on the disk.
    package func synchronize() throws(Failure) {
        guard !SystemFault.strikes(.sync), retryingInterrupts({ fsync(descriptor) }) == 0 else {
            throw File.failure("synchronize", path, reading: false)
        }
    }

    /// Cuts the file off, or fills it up with zeros, at `size` bytes.
    package func truncate(to size: Int) throws(Failure) {
        guard retryingInterrupts({ ftruncate(descriptor, off_t(size)) }) == 0 else {
            throw File.failure("truncate", path, reading: false)
        }
    }

    /// Lets what the system keeps of the file in memory go, so that the next read is one of the disk. A wish, not more.
    package func forgetCache() { posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) }

    /// Takes the file's exclusive lock, which lasts until the value ends, even by SIGKILL.
    ///
    /// - Returns: Whether nobody else holds it.
    /// - Throws: `inputOutput` where the file system has no locks, as Lustre without its `flock` mount option.
    package func tryLock() throws(Failure) -> Bool {
        if retryingInterrupts({ flock(descriptor, LOCK_EX | LOCK_NB) }) == 0 { return true }
        guard errno == EWOULDBLOCK else { throw File.failure("lock", path, reading: false) }
        return false
    }

    /// Gives the file the mode of the file at `path`, and its owner and group where the system allows it. Nothing changes
    /// where there is no such file.
    func adoptAttributes(ofFileAt path: String) {
        var status = stat()
        guard withSystemPath(path, { stat($0, &status) }) == 0 else { return }
        // Another owner takes the bits of set-user-ID away, so the mode comes last.
        if fchown(descriptor, status.st_uid, status.st_gid) != 0 { _ = fchown(descriptor, uid_t.max, status.st_gid) }
        fchmod(descriptor, status.st_mode & 0o7777)
    }

    /// Whether the file still has the name `path`, which another process may have removed or replaced.
    func isStill(at path: String) -> Bool {
        var (own, named) = (stat(), stat())
        return fstat(descriptor, &own) == 0 && withSystemPath(path, { stat($0, &named) }) == 0
            && own.st_dev == named.st_dev
            && own.st_ino == named.st_ino
    }

    /// The failure that the current `errno` stands for.
    static func failure(_ action: String, _ path: String, reading: Bool) -> Failure {
        let reason = errno
        let text = String(cString: strerror(reason))
        let advice =
            switch reason {
            case ENOSPC, EDQUOT: " Free some space there, or choose another directory."
            case EFBIG: " Raise the limit of file sizes (ulimit -f)."
            case EMFILE: " Raise the limit of open files (ulimit -n)."
            case ENOSYS, EOPNOTSUPP, ENOLCK: " Choose a directory on a file system with locks."
            case EACCES, EPERM, EROFS: " Check its owner and permissions, or choose another directory."
            default: ""
            }
        // What is said to lie there cannot: a name from a file may be of any length.
        let absent = reading && [ENOENT, ENOTDIR, EISDIR, ENAMETOOLONG].contains(reason)
        return Failure(absent ? .badData : .inputOutput, "\(path): could not \(action): \(text).\(advice)")
    }
}

/// What tells a file from another one, and from itself after it was written to: its inode, size and time of change.
package struct FileStamp: Equatable, Sendable {
    private let inode: UInt64
    private let bytes: Int
    private let seconds: Int
    private let nanoseconds: Int

    init(_ status: stat) {
        (inode, bytes) = (UInt64(status.st_ino), Int(status.st_size))
        (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
    }
}

/// Calls `body` again for as long as a signal interrupts it.
func retryingInterrupts<Result: SignedInteger>(_ body: () -> Result) -> Result {
    while true {
        let result = body()
        if result < 0, errno == EINTR { continue }
        return result
    }
}
