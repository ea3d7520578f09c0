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
        guard FileSystem.exists(name) else {
            // Also reached for a link whose target does not exist.
            throw Failure(.badData, missing(path))
        }
        guard FileSystem.isDirectory(name) else { return try marked(by: name) }
        let run = RunDirectory(name)
        if FileSystem.exists("\(name)/\(CheckpointManifest.fileName)") || !FileSystem.isDirectory(run.checkpoints) {
            return ValidCheckpoint(try open(name), isVerified: false)
        }
        let newest = verifying ? try newestValid(run, startsAnew: false, progress: progress) : try newestOpened(run)
        guard let newest else {
            if case .failure(let failure)? = try list(run).last?.result { throw failure }
            throw Failure(.badData, "\(path): is a run that has no checkpoint yet.")
        }
        return newest
    }

    /// The error message for a checkpoint path that does not exist.
    package static func missing(_ path: String) -> String {
        "\(path): there is no such file or directory. Name a checkpoint, such as RUN/checkpoints/step-00000400, a run "
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
        // Somebody may have written it by hand.
        guard lines.count == 1 || (lines.count == 2 && lines[1].isEmpty),
            let digits = lines[0].withoutExactPrefix("checkpoints/step-"), let step = Int(digits), step >= 0
        else {
            throw Failure(
                .badData,
                "\(path): is a file and no marker of a checkpoint. Name a checkpoint's directory, a run directory or "
                    + "RUN/best.")
        }
        let run = RunDirectory(directory)
        let target = "\(run.checkpoints)/\(CheckpointName.name(.committed, step: step))"
        guard FileSystem.exists(target) else {
            throw Failure(
                .badData,
                "\(path): names the checkpoint of step \(step), and there is no \(target). Name another checkpoint; "
                    + "\(shellCommand("dtrain", "checkpoint", "list", run.path)) prints those that the run has.")
        }
        return ValidCheckpoint(try open(target), isVerified: false)
    }

    /// The configuration file of the run that the checkpoint is kept in; nil where it is kept elsewhere.
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
    /// - Throws: `inputOutput` if the directory cannot be read or written.
    @discardableResult
    package func markBest(_ retention: Retention) throws(Failure) -> Checkpoint? {
        let listings = try Checkpoint.list(self).filter { !$0.name.hasExactPrefix(".") }
        let found = retention.best(of: listings.compactMap(\.checkpoint))
        guard let found else {
            // A directory of that name is not a marker, and stays.
            if FileSystem.exists(best), !FileSystem.isDirectory(best) { try FileSystem.removeFile(best) }
            return nil
        }
        let text = "checkpoints/\(CheckpointName.name(.committed, step: found.step))\n"
        let old = FileSystem.exists(best) ? try? FileSystem.contents(of: best, limitBytes: 4096) : nil
        if old != Array(text.utf8) { try FileSystem.replaceContents(of: best, with: text) }
        return found
    }
}
