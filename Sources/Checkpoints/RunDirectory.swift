import Failures
import Files
import Glibc
import Texts

/// The directory of a training run, and the paths in it.
package struct RunDirectory: Equatable, Sendable {
    /// The directory's path.
    package let path: String

    /// Names a run's directory without accessing it.
    package init(_ path: String) {
        self.path = path
    }

    /// The resolved configuration.
    package var configuration: String { path + "/config.yaml" }
    /// One JSON object per step and one per evaluation.
    package var metrics: String { path + "/metrics.jsonl" }
    /// The directory of the checkpoints.
    package var checkpoints: String { path + "/checkpoints" }
    /// The outcome of the run as a JSON object: `outcome` ("finished", "stopped" or "failed"), `exit_code` and `step`.
    /// The file is missing while the run is active or if it was killed.
    package var outcome: String { path + "/outcome.json" }
    /// The marker file with the name of the best checkpoint, for example `checkpoints/step-00000400`.
    package var best: String { path + "/best" }
    /// The host and process id of the run that holds the lock.
    package var lockFile: String { path + "/LOCK" }

    /// The path of a rank's time trace.
    package func trace(rank: Int) -> String { path + "/trace-rank-\(rank).json" }

    /// The paths of all traces in the directory.
    package func traces() throws(Failure) -> [String] {
        try FileSystem.list(path).filter { $0.hasExactPrefix("trace-rank-") && $0.hasExactSuffix(".json") }.map {
            path + "/" + $0
        }
    }

    /// Creates the directory and its parents if they are missing.
    ///
    /// - Returns: The directories that were created, each before those in it.
    /// - Throws: `inputOutput` if a directory cannot be created.
    @discardableResult
    package func create() throws(Failure) -> [String] {
        try FileSystem.makeDirectory(path) + FileSystem.makeDirectory(checkpoints)
    }

    /// Rejects a directory of another kind, and one in which a run would overwrite files that are not a run's: it has a file
    /// with the name of a run's file, but neither a lock file nor a checkpoints directory, which every run and import
    /// creates. Other files, such as notes, are allowed.
    ///
    /// - Parameter kinds: The files by which directories of other kinds are recognized, besides a checkpoint's.
    /// - Throws: `usage`, with the file.
    package func refuseForeign(_ kinds: [(file: String, kind: String)]) throws(Failure) {
        if FileSystem.exists(lockFile) || FileSystem.exists(checkpoints) { return }
        for (file, kind) in [(CheckpointManifest.fileName, "a checkpoint")] + kinds
        where FileSystem.exists("\(path)/\(file)") {
            throw Failure(
                .usage,
                "run.directory: \(path) is the directory of \(kind) (\(file)). Choose another one: --output DIR.")
        }
        for file in [configuration, metrics, outcome] where FileSystem.exists(file) {
            throw Failure(
                .usage, "\(file) is of no run and would be overwritten. Choose another --output, or move the file away."
            )
        }
    }

    /// Locks the directory until the returned value or the process ends.
    ///
    /// A LOCK file without a holder was left by an earlier run and is reused.
    ///
    /// - Throws: `usage` if an active run holds the lock, `inputOutput` if the directory is not writable.
    package func lock() throws(Failure) -> RunLock {
        let file = try File(lockFile, .update, followingLinks: false)
        guard try file.tryLock() else {
            throw Failure(
                .usage,
                "\(path) is in use by a living run: \(try holder(of: file)). "
                    + "Wait for it, stop it, or choose another --output.")
        }
        try file.truncate(to: 0)
        try file.write("host \(hostName()), pid \(getpid())")
        return RunLock(file)
    }

    /// The lock holder's description of itself.
    private func holder(of file: borrowing File) throws(Failure) -> String {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 1)
        defer { buffer.deallocate() }
        let count = try file.readSome(into: buffer, at: 0)
        return count == 0 ? "just starting" : String(decoding: buffer[..<count], as: UTF8.self)
    }

    private func hostName() -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            buffer.initialize(repeating: 0)
            // One byte less, so that a truncated name is still zero-terminated.
            guard gethostname(buffer.baseAddress!, buffer.count - 1) == 0 else { return "unknown" }
            return String(cString: buffer.baseAddress!)
        }
    }
}

/// The lock on a run's directory.
package struct RunLock: ~Copyable {
    private let file: File

    fileprivate init(_ file: consuming File) {
        self.file = file
    }
}
