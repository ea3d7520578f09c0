import Failures
import Files
import Glibc
import Texts

/// The directory of one training run and the names in it.
package struct RunDirectory: Equatable, Sendable {
    /// The directory itself.
    package let path: String

    /// Names a run's directory; nothing is touched.
    package init(_ path: String) {
        self.path = path
    }

    /// The resolved configuration.
    package var configuration: String { path + "/config.yaml" }
    /// One JSON object a step and one an evaluation.
    package var metrics: String { path + "/metrics.jsonl" }
    /// The directory of the checkpoints.
    package var checkpoints: String { path + "/checkpoints" }
    /// How the run ended, as one JSON object: `outcome` ("finished", "stopped" or "failed"), `exit_code` and `step`. Not there
    /// while it goes on, or where it was killed.
    package var outcome: String { path + "/outcome.json" }
    /// The marker that names the checkpoint with the best watched metric, such as `checkpoints/step-00000400`.
    package var best: String { path + "/best" }
    /// Host and pid of the run that owns the directory.
    package var lockFile: String { path + "/LOCK" }

    /// The trace of a rank's time.
    package func trace(rank: Int) -> String { path + "/trace-rank-\(rank).json" }

    /// All traces that stand in the directory.
    package func traces() throws(Failure) -> [String] {
        try FileSystem.list(path).filter { $0.hasExactPrefix("trace-rank-") && $0.hasExactSuffix(".json") }.map {
            path + "/" + $0
        }
    }

    /// Makes the directory and its parents where they are missing.
    ///
    /// - Throws: `inputOutput` where it cannot be made.
    package func create() throws(Failure) {
        try FileSystem.makeDirectory(path)
        try FileSystem.makeDirectory(checkpoints)
    }

    /// Refuses a directory in which a run would overwrite files of somebody else: one with a file of a run's name, but
    /// without what every run and every import leaves.
    ///
    /// - Throws: `usage`, with the file.
    package func refuseForeign() throws(Failure) {
        if FileSystem.exists(lockFile) || FileSystem.exists(checkpoints) { return }
        for file in [configuration, metrics, outcome] where FileSystem.exists(file) {
            throw Failure(
                .usage, "\(file) is of no run and would be overwritten. Choose another --output, or move the file away."
            )
        }
    }

    /// Takes possession of the directory until the returned value, or the process, ends.
    ///
    /// A LOCK file that nobody holds is what a run that ended left behind; it is taken over.
    ///
    /// - Throws: `usage` where a living run holds it, `inputOutput` where the directory is not writable.
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

    /// What the holder of the lock wrote about itself.
    private func holder(of file: borrowing File) throws(Failure) -> String {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 1)
        defer { buffer.deallocate() }
        let count = try file.readSome(into: buffer, at: 0)
        return count == 0 ? "just starting" : String(decoding: buffer[..<count], as: UTF8.self)
    }

    private func hostName() -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            buffer.initialize(repeating: 0)
            // One byte less, so that a name cut short still ends with a zero.
            guard gethostname(buffer.baseAddress!, buffer.count - 1) == 0 else { return "unknown" }
            return String(cString: buffer.baseAddress!)
        }
    }
}

/// The possession of a run's directory.
package struct RunLock: ~Copyable {
    private let file: File

    fileprivate init(_ file: consuming File) {
        self.file = file
    }
}
