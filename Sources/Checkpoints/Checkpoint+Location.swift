import Failures
import Files
import Texts

extension Checkpoint {
    /// Opens the checkpoint that a user's path names: a checkpoint directory, a run directory (its newest valid
    /// checkpoint), or the marker file `RUN/best`.
    ///
    /// - Parameters:
    ///   - verifying: Whether a run's checkpoints are verified, and those that are not valid are skipped. Otherwise the
    ///     newest that passes the checks of `open` is used.
    ///   - progress: As for `verify`.
    /// - Returns: The checkpoint, with one line for each newer one that was rejected.
    /// - Throws: `badData` if the path does not exist or is not a checkpoint, `inputOutput` if reading fails.
    package static func find(
        _ path: String, verifying: Bool = true, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(Failure) -> ValidCheckpoint {
        let name = trimmed(path)
        guard try FileSystem.isPresent(name) else {
            // Also reached for a link whose target does not exist.
            throw Failure(.badData, missing(path))
        }
        guard FileSystem.isDirectory(name) else { return try marked(by: name) }
        let run = RunDirectory(name)
        let isRun = try FileSystem.isPresentDirectory(run.checkpoints)
        if try FileSystem.isPresent("\(name)/\(CheckpointManifest.fileName)") || !isRun {
            return ValidCheckpoint(try open(name), isVerified: false)
        }
        let newest = verifying ? try newestValid(run, startsAnew: false, progress: progress) : try newestOpened(run)
        guard let newest else {
            if case .failure(let failure)? = try list(run).last?.result { throw failure }
            throw Failure(.badData, "\(path): this run has no checkpoint yet.")
        }
        return newest
    }

    /// Returns whether `directory` has the files by which a checkpoint is recognized, valid or not.
    package static func isMarked(_ directory: String) throws(Failure) -> Bool {
        for name in [CheckpointManifest.fileName, CheckpointManifest.stateFileName] {
            guard try FileSystem.isPresent("\(directory)/\(name)") else { return false }
        }
        return true
    }

    /// The error message for a checkpoint path that does not exist.
    package static func missing(_ path: String) -> String {
        "\(path): there is no such file or directory\(FileSystem.reasonForAbsence(of: path)). Name a checkpoint, such as RUN/checkpoints/step-00000400, a run "
            + "directory or RUN/best."
    }

    /// Finds the newest checkpoint of a run that passes the checks of `open`.
    private static func newestOpened(_ run: RunDirectory) throws(Failure) -> ValidCheckpoint? {
        try list(run).reversed().lazy.compactMap(\.checkpoint).first.map { ValidCheckpoint($0, isVerified: false) }
    }

    /// Opens the checkpoint that a marker file names by its path relative to the marker's directory.
    private static func marked(by path: String) throws(Failure) -> ValidCheckpoint {
        let directory = FileSystem.parent(of: path)
        if FileSystem.exists("\(directory)/\(CheckpointManifest.fileName)") {
            throw Failure(
                .badData, "\(path): is a file of a checkpoint. Name the checkpoint's directory: \(directory)")
        }
        let text = try FileSystem.contents(of: path, limitBytes: 4096)
        let lines = String(decoding: text, as: UTF8.self).exactParts(at: "\n")
        // The user may have written it.
        guard lines.count == 1 || (lines.count == 2 && lines[1].isEmpty),
            let digits = lines[0].withoutExactPrefix("checkpoints/step-"), let step = Int(digits), step >= 0
        else {
            throw Failure(
                .badData,
                "\(path): is a file, but not a checkpoint marker. Name a checkpoint's directory, a run directory or "
                    + "RUN/best.")
        }
        let run = RunDirectory(directory)
        let target = "\(run.checkpoints)/\(CheckpointName.name(.committed, step: step))"
        guard try FileSystem.isPresent(target) else {
            throw Failure(
                .badData,
                "\(path): names the checkpoint of step \(step), but \(target) does not exist. Name another checkpoint; "
                    + "\(shellCommand("dtrain", "checkpoint", "list", run.path)) lists the run's checkpoints.")
        }
        return ValidCheckpoint(try open(target), isVerified: false)
    }

    /// The configuration file of the run that contains the checkpoint; nil if the checkpoint is not in a run directory.
    package var runConfiguration: String? {
        let checkpoints = FileSystem.parent(of: directory)
        let run = RunDirectory(FileSystem.parent(of: checkpoints))
        guard checkpoints.exact == run.checkpoints.exact || checkpoints.exact == "checkpoints",
            FileSystem.exists(run.configuration)
        else { return nil }
        return run.configuration
    }

    /// Returns the path without trailing slashes.
    private static func trimmed(_ path: String) -> String {
        var end = path.unicodeScalars[...]
        while end.count > 1, end.last == "/" { end.removeLast() }
        return String(end)
    }
}

extension RunDirectory {
    /// Writes the name of the run's best checkpoint to the marker file `best`, or removes the marker if there is none.
    ///
    /// - Parameter retention: Determines which checkpoint is the best.
    /// - Returns: The best checkpoint.
    /// - Throws: `inputOutput` if the directory cannot be read or written, or `best` is not a regular file.
    @discardableResult
    package func markBest(_ retention: Retention) throws(Failure) -> Checkpoint? {
        let listings = try Checkpoint.list(self).filter { !$0.name.hasExactPrefix(".") }
        let found = retention.best(of: listings.compactMap(\.checkpoint))
        guard let found else {
            if try FileSystem.kind(of: best) == .regularFile { try FileSystem.removeFile(best) }
            return nil
        }
        let text = "checkpoints/\(CheckpointName.name(.committed, step: found.step))\n"
        let old = try? FileSystem.contents(of: best, limitBytes: 4096, followingLinks: false)
        if old != Array(text.utf8) { try FileSystem.replaceContents(of: best, with: text, followingLinks: false) }
        return found
    }
}
