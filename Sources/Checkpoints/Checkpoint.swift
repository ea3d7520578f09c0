import Failures
import Files
import Texts

/// A complete checkpoint: a directory with a manifest, a state and tensors.
package struct Checkpoint: Sendable {
    /// The directory, as it was named when opened.
    package let directory: String
    package let manifest: CheckpointManifest
    package let state: CheckpointState

    /// The number of steps so far, skipped ones included.
    package var step: Int { manifest.step }
    /// The digest of the run, as the manifest tells it.
    package var digest: String { manifest.digest }
    /// What the caller of the commit wanted to recognize the run by.
    package var identity: JSON { manifest.identity }

    /// Opens a checkpoint after the cheap checks: manifest, names, sizes, state. Tensors are not read: see `verify`.
    ///
    /// - Throws: `badData` that names the file and what is wrong.
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
                .badData, "\(statePath): stands at step \(state.step), the manifest at step \(manifest.step).")
        }
        return Checkpoint(directory: directory, manifest: manifest, state: state)
    }

    /// The bytes of the tokenizer's model, whose hash is compared; empty where the checkpoint has none.
    ///
    /// - Throws: `badData` where the file was altered, or is larger than any.
    package func tokenizerModel() throws(Failure) -> [UInt8] {
        for record in manifest.files where record.name == CheckpointManifest.tokenizerFileName {
            let path = directory + "/" + record.name
            let bytes = try FileSystem.contents(of: path, followingLinks: false)
            try record.check(digest: Digest.of(bytes), path: path)
            return bytes
        }
        return []
    }

    /// Reads every byte of the tensor files and compares sizes, hashes and the digest of the run with the manifest.
    ///
    /// - Parameters:
    ///   - fromDisk: Whether the system is asked to forget what it keeps of the tensor files in memory.
    ///   - progress: Called with the bytes read so far and the bytes in all.
    /// - Returns: The digest of the run, computed from the bytes.
    /// - Throws: `badData` that names the first file that differs and what differs in it.
    @discardableResult
    package func verify(
        fromDisk: Bool = false, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(Failure) -> String {
        _ = try tokenizerModel()
        let total = tensorFiles.reduce(0) { $0 + $1.size }
        var done = 0
        var tensors: [ExactText: [TensorFingerprint]] = [:]
        for record in tensorFiles {
            let file = try openTensors(record.name)
            let fingerprint = try file.fingerprint(fromDisk: fromDisk) { bytes in
                done += bytes
                progress(done, total)
            }
            try record.check(size: fingerprint.size, path: file.path)
            try record.check(digest: fingerprint.digest, path: file.path)
            tensors[record.name.exact] = fingerprint.tensors
        }
        let computed = checkpointDigest(files: tensors, state: state)
        guard computed == digest else {
            throw Failure(
                .badData,
                "\(directory): the digest of its tensors and counters is \(computed), the manifest says \(digest).")
        }
        return computed
    }

    /// The names of the tensor files.
    package var tensorFileNames: [String] { tensorFiles.map(\.name) }

    /// Opens one of the tensor files; links are not followed.
    package func openTensors(_ fileName: String) throws(Failure) -> SafetensorsFile {
        guard tensorFileNames.containsExactly(fileName) else {
            throw Failure(
                .badData,
                "\(directory): holds no \(fileName), only \(tensorFileNames.joined(separator: ", ")). "
                    + "Resume with the configuration that it was written with.")
        }
        return try SafetensorsFile(directory + "/" + fileName, followingLinks: false)
    }

    /// Fills all `destinations` from a tensor file, which must hold exactly these tensors; verify first.
    ///
    /// - Throws: `badData` where a tensor is missing, of another type or shape, or has no destination.
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
            throw Failure(.badData, "\(path): holds \(found) bytes, the manifest says \(size).")
        }
    }

    fileprivate func check(digest found: String, path: String) throws(Failure) {
        guard found == digest else {
            throw Failure(.badData, "\(path): its XXH3-128 is \(found), the manifest says \(digest).")
        }
    }
}
