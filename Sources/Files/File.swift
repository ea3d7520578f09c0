import Failures
import Glibc

/// An open file: all file input and output of the program goes through this type.
///
/// Every call transfers all requested bytes, retries after signals, and throws a `Failure` with the file's path and the
/// system's error. A writer must call `close`, which reports errors that the system has deferred; a file that is not
/// closed explicitly, because another call has thrown, is closed by `deinit`.
package struct File: ~Copyable {
    /// The path it was opened with, for messages.
    package let path: String
    /// −1 after `close`.
    private var descriptor: Int32

    /// The access mode.
    package enum Mode {
        /// Reads an existing regular file.
        case read
        /// Writes a file that must not exist yet; an existing file, link or pipe of that name is left unchanged.
        case new
        /// Writes a file; an existing one is truncated.
        case create
        /// Appends to a file, which is created if it is missing.
        case append
        /// Reads and overwrites a file, which is created if it is missing; its contents are kept.
        case update
    }

    /// Opens `path`.
    ///
    /// - Parameters:
    ///   - followingLinks: Whether `path` itself may be a symbolic link.
    ///   - isPrivate: Whether a new file has mode 0600, accessible to its owner only; otherwise 0666 less the umask.
    /// - Throws: `badData` when reading a path that does not exist or is not a regular file, otherwise `inputOutput`.
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
        // Opening a FIFO must not block.
        let flags = access | O_NONBLOCK | O_CLOEXEC | (followingLinks ? 0 : O_NOFOLLOW)
        let opened = withSystemPath(path) { path in
            retryingInterrupts { open(path, flags, isPrivate ? 0o600 : 0o666) }
        }
        guard opened >= 0 else {
            if errno == ELOOP, !followingLinks {
                throw Failure(
                    mode == .read ? .badData : .inputOutput, "\(path): is a symbolic link, which is not followed here.")
            }
            // A socket cannot be opened at all.
            if errno == ENXIO { throw File.notRegular(path, mode) }
            throw File.failure("open", path, reading: mode == .read)
        }
        var status = stat()
        guard fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            Glibc.close(opened)
            throw File.notRegular(path, mode)
        }
        self.path = path
        descriptor = opened
    }

    private static func notRegular(_ path: String, _ mode: Mode) -> Failure {
        let found = FileSystem.specialKind(of: path).map { "is \($0.rawValue), " } ?? ""
        return Failure(mode == .read ? .badData : .inputOutput, "\(path): \(found)not a regular file.")
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// Closes the file.
    ///
    /// - Throws: `inputOutput` if the system reports a deferred write error, as NFS does.
    package consuming func close() throws(Failure) {
        let closing = descriptor
        descriptor = -1
        // On Linux the descriptor is closed even if `close` is interrupted; a second call could close another thread's
        // file.
        guard Glibc.close(closing) == 0 || errno == EINTR else { throw File.failure("close", path, reading: false) }
    }

    /// The file's length in bytes.
    package func size() throws(Failure) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw File.failure("inspect", path, reading: true) }
        return Int(status.st_size)
    }

    /// Returns a stamp that identifies the file and its current contents.
    package func stamp() throws(Failure) -> FileStamp {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw File.failure("inspect", path, reading: true) }
        return FileStamp(status)
    }

    /// Fills `buffer` with the bytes that start at `offset`.
    ///
    /// - Throws: `badData` if the file ends before the buffer is full.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(Failure) {
        let count = try readSome(into: buffer, at: offset)
        guard count == buffer.count else {
            // The file may end before `offset`.
            let end = count > 0 ? offset + count : try size()
            throw Failure(.badData, "\(path): ends at byte \(end); expected \(buffer.count) bytes at offset \(offset).")
        }
    }

    /// Reads up to `buffer.count` bytes that start at `offset`; fewer only at the end of the file.
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

    /// Returns the contents of a file whose reported size is 0. The system does not know the size of files of /proc and
    /// of some file systems of programs.
    ///
    /// - Throws: `badData` for more than `limitBytes` bytes.
    func unsizedContents(limitBytes: Int) throws(Failure) -> [UInt8] {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
        defer { block.deallocate() }
        var bytes: [UInt8] = []
        while true {
            let count = try readSome(into: block, at: bytes.count)
            bytes += block[..<count]
            guard bytes.count <= limitBytes else {
                throw Failure(
                    .badData,
                    "\(path): has more than \(limitBytes) bytes, the limit for such a file.")
            }
            if count < block.count { return bytes }
        }
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

    /// Overwrites the bytes at `offset`; the file must have been opened with `.create` or `.update`.
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

    /// Waits until the file's contents are on the disk (fsync).
    package func synchronize() throws(Failure) {
        guard !SystemFault.strikes(.sync), retryingInterrupts({ fsync(descriptor) }) == 0 else {
            throw File.failure("synchronize", path, reading: false)
        }
    }

    /// Truncates the file, or extends it with zeros, to `size` bytes.
    package func truncate(to size: Int) throws(Failure) {
        guard retryingInterrupts({ ftruncate(descriptor, off_t(size)) }) == 0 else {
            throw File.failure("truncate", path, reading: false)
        }
    }

    /// Advises the kernel to drop the file from its page cache, so that the next read comes from the disk. Best effort.
    package func forgetCache() { posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) }

    /// Tries to acquire an exclusive lock on the file, which is released when the file is closed or the process dies.
    ///
    /// - Returns: Whether the lock was acquired; false if it is held through another open file.
    /// - Throws: `inputOutput` if the file system does not support locks, such as Lustre mounted without `flock`.
    package func tryLock() throws(Failure) -> Bool {
        if retryingInterrupts({ flock(descriptor, LOCK_EX | LOCK_NB) }) == 0 { return true }
        guard errno == EWOULDBLOCK else { throw File.failure("lock", path, reading: false) }
        return false
    }

    /// Sets the file's mode, and if permitted its owner and group, to those of the file at `path`. Does nothing if that
    /// file does not exist.
    func adoptAttributes(ofFileAt path: String) {
        var status = stat()
        guard withSystemPath(path, { stat($0, &status) }) == 0 else { return }
        // Changing the owner clears the set-user-ID bits, so the mode is set last.
        if fchown(descriptor, status.st_uid, status.st_gid) != 0 { _ = fchown(descriptor, uid_t.max, status.st_gid) }
        fchmod(descriptor, status.st_mode & 0o7777)
    }

    /// Returns whether `path` still names this file; another process may have removed or replaced it.
    func isStill(at path: String) -> Bool {
        var (own, named) = (stat(), stat())
        return fstat(descriptor, &own) == 0 && withSystemPath(path, { stat($0, &named) }) == 0
            && own.st_dev == named.st_dev
            && own.st_ino == named.st_ino
    }

    /// Returns the failure for the current `errno`.
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
        // A path that was read from a file may be invalid or too long; if it is opened for reading, this is bad data.
        let absent = reading && [ENOENT, ENOTDIR, EISDIR, ENAMETOOLONG].contains(reason)
        return Failure(absent ? .badData : .inputOutput, "\(path): could not \(action): \(text).\(advice)")
    }
}

/// The inode, size and modification time of a file: equal stamps mean the same file with unchanged contents.
package struct FileStamp: Equatable, Sendable {
    private let inode: UInt64
    private let bytes: Int
    private let seconds: Int
    private let nanoseconds: Int

    /// Whether this is the stamp of the same file as `earlier`, which may have grown since.
    package func continues(_ earlier: FileStamp) -> Bool { inode == earlier.inode && bytes >= earlier.bytes }

    init(_ status: stat) {
        (inode, bytes) = (UInt64(status.st_ino), Int(status.st_size))
        (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
    }
}

/// Calls `body` again as long as it is interrupted by a signal.
func retryingInterrupts<Result: SignedInteger>(_ body: () -> Result) -> Result {
    while true {
        let result = body()
        if result < 0, errno == EINTR { continue }
        return result
    }
}
