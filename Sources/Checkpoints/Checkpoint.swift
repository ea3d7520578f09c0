import Failures
import Files
import Texts

/// A complete checkpoint: a directory with a manifest, a state file and tensor files.
package struct Checkpoint: Sendable {
    /// The directory's path, as given to `open`.
    package let directory: String
    package let manifest: CheckpointManifest
    package let state: CheckpointState

    /// The number of steps so far, including skipped ones.
    package var step: Int { manifest.step }
    /// The digest of the run, as stored in the manifest.
    package var digest: String { manifest.digest }
    /// The data by which the run is recognized, as given to `commit`.
    package var identity: JSON { manifest.identity }

    /// Opens a checkpoint after inexpensive checks of its manifest, file names, sizes and state. Tensors are not read;
    /// `verify` does that.
    ///
    /// - Throws: `badData` with the file and the reason.
    package static func open(_ directory: String) throws(Failure) -> Checkpoint {
        let manifest = try CheckpointManifest.read(in: directory)
        for record in manifest.files {
            let file = try File(directory + "/" + record.name, .read, followingLinks: false)
            try record.check(size: try file.size(), path: file.path)
        }
        let statePath = directory + "/" + CheckpointManifest.stateFileName
        let bytes = try FileSystem.contents(of: statePath, limitBytes: 1 << 20, followingLinks: false)
        for record in manifest.files where record.name == CheckpointManifest.stateFileName {
            try record.check(digest: Digest.of(bytes), path: statePath)
        }
        let state = try CheckpointState(parsing: bytes, source: statePath)
        guard state.step == manifest.step else {
            throw Failure(
                .badData, "\(statePath): found step \(state.step); the manifest has step \(manifest.step).")
        }
        return Checkpoint(directory: directory, manifest: manifest, state: state)
    }

    /// Reads the tokenizer model and checks its hash; empty if the checkpoint has none.
    ///
    /// - Throws: `badData` if the file was altered or exceeds the size limit.
    package func tokenizerModel() throws(Failure) -> [UInt8] {
        for record in manifest.files where CheckpointManifest.tokenizerFileNames.containsExactly(record.name) {
            let path = directory + "/" + record.name
            let bytes = try FileSystem.contents(of: path, followingLinks: false)
            try record.check(digest: Digest.of(bytes), path: path)
            return bytes
        }
        return []
    }

    /// Reads every byte of the tensor files, compares sizes, hashes and the digest of the run with the manifest, and
    /// rejects numbers that are infinite or NaN: no run can resume from them.
    ///
    /// - Parameter progress: Called with the number of bytes read so far and the total.
    /// - Returns: The digest of the run, computed from the bytes.
    /// - Throws: `badData`, with the first file that differs and its difference, or else the first tensor with a value
    ///   that is not finite.
    @discardableResult
    package func verify(progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }) throws(Failure) -> String {
        if let nonFinite = try compare(progress: progress) {
            throw Failure(
                .badData,
                "\(nonFinite). The training run that wrote it diverged: use an earlier checkpoint.")
        }
        return digest
    }

    /// Reads every byte of the tensor files and compares sizes, hashes and the digest of the run with the manifest.
    ///
    /// - Parameters:
    ///   - fromDisk: Whether to drop the tensor files from the page cache first.
    ///   - progress: Called with the number of bytes read so far and the total.
    /// - Returns: The file, tensor and index of the first number that is not finite, as text; nil if all are finite.
    /// - Throws: `badData` with the first file that differs, and the difference.
    func compare(
        fromDisk: Bool = false, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(Failure) -> String? {
        _ = try tokenizerModel()
        let total = tensorFiles.reduce(0) { $0 + $1.size }
        var done = 0
        var nonFinite: String?
        var tensors: [ExactText: [TensorFingerprint]] = [:]
        for record in tensorFiles {
            let file = try openTensors(record.name)
            let (fingerprint, broken) = try file.fingerprint(fromDisk: fromDisk) { bytes in
                done += bytes
                progress(done, total)
            }
            try record.check(size: fingerprint.size, path: file.path)
            try record.check(digest: fingerprint.digest, path: file.path)
            tensors[record.name.exact] = fingerprint.tensors
            if nonFinite == nil, let broken { nonFinite = "\(file.path): is intact, but \(broken)" }
        }
        let computed = checkpointDigest(files: tensors, state: state)
        guard computed == digest else {
            throw Failure(
                .badData,
                "\(directory): the digest of its tensors and counters is \(computed), but the manifest says \(digest).")
        }
        return nonFinite
    }

    /// The names of the tensor files.
    package var tensorFileNames: [String] { tensorFiles.map(\.name) }

    /// Opens a tensor file; links are not followed.
    package func openTensors(_ fileName: String) throws(Failure) -> SafetensorsFile {
        guard tensorFileNames.containsExactly(fileName) else {
            throw Failure(
                .badData,
                "\(directory): holds no \(fileName), only \(tensorFileNames.joined(separator: ", ")). "
                    + "Resume with the configuration that it was written with.")
        }
        return try SafetensorsFile(directory + "/" + fileName, followingLinks: false)
    }

    /// Fills all `destinations` from a tensor file, which must contain exactly these tensors. Call `verify` first.
    ///
    /// - Throws: `badData` if a tensor is missing, has another type or shape, or has no destination.
    package func loadTensors(_ fileName: String, into destinations: [TensorDestination]) throws(Failure) {
        let file = try openTensors(fileName)
        let wanted = Set(destinations.map(\.name.exact))
        if let stranger = file.tensors.first(where: { !wanted.contains($0.name.exact) }) {
            throw Failure(
                .badData,
                "\(file.path): tensor \(stranger.name): is unknown to the model and optimizer of this configuration. "
                    + "Resume with the configuration that it was written with.")
        }
        for destination in destinations { try file.read(into: destination) }
    }

    private var tensorFiles: [CheckpointManifest.File] {
        manifest.files.filter { $0.name.hasExactSuffix(CheckpointManifest.tensorFileExtension) }
    }
}

extension CheckpointManifest.File {
    fileprivate func check(size found: Int, path: String) throws(Failure) {
        guard found == size else {
            throw Failure(.badData, "\(path): holds \(found) bytes, but the manifest says \(size).")
        }
    }

    fileprivate func check(digest found: String, path: String) throws(Failure) {
        guard found == digest else {
            throw Failure(.badData, "\(path): its XXH3-128 is \(found), but the manifest says \(digest).")
        }
    }
}
