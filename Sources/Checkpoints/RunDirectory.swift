import Texts
import Failures
import Files
import Glibc

/// The directory of a training run, and the paths in it.
package struct RunDirectory: Equatable, Sendable {
    /// The directory's path.
    package let path: String

    /// Names a run's directory without accessing it.
    package init(_ path: String) {
        self.path = path
    }

    /// Names an existing directory.
    ///
    /// - Throws: `badData` if there is none.
    package init(existing path: String) throws(Failure) {
        guard try FileSystem.isPresent(path) else {
            throw Failure(
                .badData,
                "\(path): there is no such directory\(FileSystem.reasonForAbsence(of: path)). Name a run directory, such as "
                    + "runs/quickstart.")
        }
        self.path = path
    }

    /// The resolved configuration.
    package var configuration: String { path + "/config.yaml" }
    /// One JSON object per step and one per evaluation.
    package var metrics: String { path + "/metrics.jsonl" }
    /// The directory of the event files for TensorBoard.
    package var tensorboard: String { path + "/tensorboard" }
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

    /// Rejects a directory of another kind (see `kinds`), and one with files of the user that a run would overwrite.
    ///
    /// A run owns the regular files and the directory that it creates itself. A symbolic link, a directory or a device
    /// with the name of such a file does not belong to the run, and neither does a regular file in a directory without
    /// a sign of an earlier run: a lock file, or a checkpoint, which every import creates. Other files, such as notes,
    /// are allowed.
    ///
    /// - Parameter kinds: The files by which directories of other kinds are recognized, besides a checkpoint's.
    /// - Throws: `inputOutput` if one of the names denotes something other than a regular file, or if the directory
    ///   cannot be read; `usage` for a directory of another kind or a file of the user.
    package func refuseForeign(_ kinds: [(file: String, kind: String)]) throws(Failure) {
        guard FileSystem.isDirectory(path) else { return }
        let directories = [checkpoints, tensorboard].map { ($0, FileSystem.Kind.directory) }
        for (path, allowed) in try files().map({ ($0, FileSystem.Kind.regularFile) }) + directories {
            guard let found = try FileSystem.kind(of: path), found != allowed else { continue }
            throw Failure(
                .inputOutput,
                "\(path): is \(found.rawValue), but a run needs \(allowed.rawValue) of that name. Move it elsewhere, or choose another "
                    + "--output.")
        }
        if try FileSystem.kind(of: lockFile) != nil { return try refuseForeignLock() }
        if try hasCheckpoint() { return }
        for (file, kind) in [(CheckpointManifest.fileName, "a checkpoint")] + kinds
        where try FileSystem.isPresent("\(path)/\(file)") {
            throw Failure(
                .usage,
                "run.directory: \(path) is the directory of \(kind) (\(file)). Choose another one: --output DIR.")
        }
        for file in [configuration, metrics, outcome, best] {
            if try FileSystem.isPresent(file) { throw RunDirectory.foreign(file) }
        }
    }

    /// The failure for a file that would be overwritten although no run wrote it.
    private static func foreign(_ file: String) -> Failure {
        Failure(
            .usage,
            "\(file) belongs to no run and would be overwritten. Choose another --output, or move the file elsewhere.")
    }

    /// Returns whether `file` is one that a run in this directory writes.
    package func owns(_ file: String) throws(Failure) -> Bool {
        guard try files().contains(where: { $0.exact == file.exact }) else { return false }
        if try FileSystem.isPresent(lockFile) { return true }
        return try hasCheckpoint()
    }

    /// The paths of the files that a run writes, except for checkpoints; traces are included only if they exist.
    private func files() throws(Failure) -> [String] {
        [configuration, metrics, outcome, best, lockFile] + (try traces())
    }

    /// Whether the directory contains a checkpoint, judged by names.
    private func hasCheckpoint() throws(Failure) -> Bool {
        guard FileSystem.isDirectory(checkpoints) else { return false }
        return try FileSystem.list(checkpoints).contains { CheckpointName.parse($0) != nil }
    }

    /// Rejects a lock file of another program.
    private func refuseForeignLock() throws(Failure) {
        let file = try File(lockFile, .read, followingLinks: false)
        let text = try holder(of: file) ?? RunDirectory.holderStart
        guard text.hasExactPrefix(RunDirectory.holderStart) else { throw RunDirectory.foreign(lockFile) }
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
                "\(path) is in use by an active run: \(try holder(of: file) ?? "just starting"). "
                    + "Wait for it, stop it, or choose another --output.")
        }
        try file.truncate(to: 0)
        try file.write("\(RunDirectory.holderStart)\(hostName()), pid \(getpid())")
        return RunLock(file)
    }

    /// The host and the process of the run that holds the lock or held it last; nil if there is no lock of a run.
    package func holder() throws(Failure) -> (host: String, process: pid_t)? {
        guard try FileSystem.isPresent(lockFile),
            let text = try holder(of: try File(lockFile, .read, followingLinks: false)),
            let rest = text.withoutExactPrefix(RunDirectory.holderStart),
            let (host, number) = rest.exactHalves(at: ",").map({ ($0.before, $0.behind) }),
            let process = number.withoutExactPrefix(" pid ").flatMap({ pid_t($0) })
        else { return nil }
        return (host, process)
    }

    /// The beginning of the description of a lock's holder.
    private static let holderStart = "host "

    /// The lock holder's description of itself, or nil if it has not written it yet.
    private func holder(of file: borrowing File) throws(Failure) -> String? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 1)
        defer { buffer.deallocate() }
        let count = try file.readSome(into: buffer, at: 0)
        return count == 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }
}

/// The lock on a run's directory.
package struct RunLock: ~Copyable {
    private let file: File

    fileprivate init(_ file: consuming File) {
        self.file = file
    }
}
