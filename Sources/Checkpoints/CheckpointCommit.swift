import Failures
import Files
import Texts

extension Checkpoint {
    /// Writes a checkpoint of `state` and `files` into the run; it becomes valid by one atomic rename.
    ///
    /// If the process dies at any time, all previously valid checkpoints remain valid. A checkpoint of the same step is
    /// replaced. Leftovers of an interrupted commit are removed.
    ///
    /// - Parameters:
    ///   - program: The name and version of the program.
    ///   - identity: The data by which the run is recognized: configuration, layout, dataset, tokenizer.
    ///   - tokenizerModel: The bytes of the tokenizer's model; empty if it has none.
    ///   - files: The tensor files: names ending in `.safetensors`, and their tensors.
    ///   - isPrivate: Whether only the owner can read the files; otherwise the umask decides.
    /// - Returns: The committed checkpoint, read back from disk.
    /// - Complexity: One pass over the tensors, which also hashes them, and one pass over the files; no copy of the
    ///   tensors.
    /// - Throws: `inputOutput` if the disk lacks space or a write fails (what was written is removed), or if the
    ///   checkpoint does not read back as it was written (it is moved to a `.damaged-` directory).
    @discardableResult
    package static func commit(
        run: RunDirectory, state: CheckpointState, program: String, identity: JSON, tokenizerModel: [UInt8] = [],
        files: [(name: String, tensors: [TensorSource])], isPrivate: Bool = false
    ) throws(Failure) -> Checkpoint {
        var commit = CheckpointCommit(
            run: run, state: state, program: program, identity: identity, tokenizerModel: tokenizerModel, files: files,
            isPrivate: isPrivate)
        do throws(Failure) {
            for step in CheckpointCommit.Step.allCases { try commit.perform(step) }
        } catch {
            // The original error matters more than an error during cleanup.
            try? CheckpointCommit.tidy(run.checkpoints, keepingDamaged: true)
            throw error
        }
        return commit.committed!
    }
}

/// The commit of one checkpoint as a sequence of steps; the process may die after any of them.
struct CheckpointCommit {
    let run: RunDirectory
    let state: CheckpointState
    let program: String
    let identity: JSON
    let tokenizerModel: [UInt8]
    let files: [(name: String, tensors: [TensorSource])]
    let isPrivate: Bool
    private var records: [CheckpointManifest.File] = []
    private var fingerprints: [ExactText: [TensorFingerprint]] = [:]
    private var digest = ""
    /// The checkpoint as it was read back.
    private(set) var committed: Checkpoint?

    init(
        run: RunDirectory, state: CheckpointState, program: String, identity: JSON, tokenizerModel: [UInt8] = [],
        files: [(name: String, tensors: [TensorSource])], isPrivate: Bool = false
    ) {
        precondition(
            files.allSatisfy {
                CheckpointManifest.isAllowed($0.name) && $0.name.hasExactSuffix(CheckpointManifest.tensorFileExtension)
            })
        precondition(files.map(\.name).firstRepeated() == nil, "A checkpoint holds each file once.")
        precondition(state.step >= 0 && state.consumedSamples >= 0)
        self.run = run
        self.state = state
        self.program = program
        self.identity = identity
        self.tokenizerModel = tokenizerModel
        self.files = files
        self.isPrivate = isPrivate
    }

    /// All steps of the commit, in order.
    enum Step: CaseIterable {
        case makeDirectory, writeTensors, writeState, writeTokenizer, writeManifest, setAsidePredecessor, publish,
            readBack, removePredecessor
    }

    mutating func perform(_ step: Step) throws(Failure) {
        switch step {
        case .makeDirectory: try makeDirectory()
        case .writeTensors: try writeTensors()
        case .writeState: try writeState()
        case .writeTokenizer: try writeTokenizer()
        case .writeManifest: try writeManifest()
        case .setAsidePredecessor: try setAsidePredecessor()
        case .publish: try publish()
        case .readBack: try readBack()
        case .removePredecessor: removePredecessor()
        }
    }

    /// The path of the committed checkpoint.
    var target: String { path(.committed) }

    private func path(_ role: CheckpointName.Role) -> String {
        run.checkpoints + "/" + CheckpointName.name(role, step: state.step)
    }

    // MARK: Steps

    private func makeDirectory() throws(Failure) {
        try FileSystem.makeDirectory(run.checkpoints)
        try Self.tidy(run.checkpoints)
        try checkRoom()
        try FileSystem.makeNewDirectory(path(.writing))
    }

    /// Checks before writing that the disk has enough free space.
    private func checkRoom() throws(Failure) {
        // The margin covers partly used blocks, the manifest's own text and the directory.
        let margin = 1 << 16
        let tensors = files.map { SafetensorsWriter.byteCount(of: $0.tensors, metadata: Self.metadata) }
        let texts = [state.text.utf8.count, tokenizerModel.count, identity.page.utf8.count]
        let needed = (tensors + texts).reduce(margin) { $0 + $1 + margin }
        let free = try FileSystem.freeBytes(in: run.checkpoints)
        guard needed <= free else {
            let megabyte = 1_000_000
            // An import, at step 0, keeps no other checkpoint.
            let advice = state.step == 0 ? "" : ", lower training.keep_last and training.keep_best"
            throw Failure(
                .inputOutput,
                "\(run.checkpoints): not enough disk space for the checkpoint of step \(state.step): it needs "
                    + "\((needed + megabyte - 1) / megabyte) MB, but only \(free / megabyte) MB are free. Free some space "
                    + "there\(advice), or choose another directory.")
        }
    }

    private mutating func writeTensors() throws(Failure) {
        for (name, tensors) in files {
            let written = try SafetensorsWriter.write(
                tensors, metadata: Self.metadata, to: path(.writing) + "/" + name, isPrivate: isPrivate)
            records.append(CheckpointManifest.File(name: name, size: written.size, digest: written.digest))
            fingerprints[name.exact] = written.tensors
        }
    }

    private mutating func writeState() throws(Failure) {
        try record(Array(state.text.utf8), as: CheckpointManifest.stateFileName)
    }

    private mutating func writeTokenizer() throws(Failure) {
        if tokenizerModel.isEmpty { return }
        try record(tokenizerModel, as: CheckpointManifest.tokenizerFileName(of: tokenizerModel))
    }

    private mutating func writeManifest() throws(Failure) {
        digest = checkpointDigest(files: fingerprints, state: state)
        let manifest = CheckpointManifest(
            program: program, step: state.step, digest: digest, files: records, identity: identity)
        try write(Array(manifest.text.utf8), as: CheckpointManifest.fileName)
        try FileSystem.synchronizeDirectory(path(.writing))
    }

    /// Renames a checkpoint of the same step. It can still be found under its new name.
    private func setAsidePredecessor() throws(Failure) {
        guard try FileSystem.isPresent(target) else { return }
        try FileSystem.rename(target, to: path(.replaced))
    }

    /// The commit itself: renames the checkpoint to its final name.
    private func publish() throws(Failure) {
        try FileSystem.rename(path(.writing), to: target)
        try FileSystem.synchronizeDirectory(run.checkpoints)
    }

    /// Reads the checkpoint back from disk before an older one is removed. One that differs from what was written is
    /// renamed, so that `tidy` can restore its predecessor, and is kept for inspection until the next commit.
    private mutating func readBack() throws(Failure) {
        do throws(Failure) {
            let found = try Checkpoint.open(target)
            _ = try found.compare(fromDisk: true)
            guard found.digest == digest, found.manifest.files == records else {
                throw Failure(.badData, "\(target): is not the checkpoint that was written.")
            }
            committed = found
        } catch {
            try FileSystem.rename(target, to: path(.damaged))
            throw Failure(
                .inputOutput,
                "\(error.message) It had just been written without an error: check the disk. It was moved to "
                    + "\(path(.damaged)).")
        }
    }

    /// Removes the replaced checkpoint. If that fails now, the next commit removes it.
    private func removePredecessor() {
        try? FileSystem.remove(path(.replaced))
    }

    /// Writes a small file and adds it to the manifest.
    private mutating func record(_ bytes: [UInt8], as name: String) throws(Failure) {
        try write(bytes, as: name)
        records.append(CheckpointManifest.File(name: name, size: bytes.count, digest: Digest.of(bytes)))
    }

    private func write(_ bytes: [UInt8], as name: String) throws(Failure) {
        let file = try File(path(.writing) + "/" + name, .new, isPrivate: isPrivate)
        try file.write(bytes)
        try file.synchronize()
        try file.close()
    }

    /// The metadata that Hugging Face's loaders require.
    private static let metadata: [ExactText: String] = ["format": "pt"]

    // MARK: Leftovers

    /// Removes what an interrupted commit or removal left behind, and restores a replaced checkpoint if its successor
    /// is not valid.
    ///
    /// - Parameter keepingDamaged: Whether checkpoints that did not read back correctly are kept.
    static func tidy(_ checkpoints: String, keepingDamaged: Bool = false) throws(Failure) {
        // The names of damaged checkpoints sort first, so these are removed before another directory gets such a name.
        for name in try FileSystem.list(checkpoints) {
            guard let (role, step) = CheckpointName.parse(name), role != .committed else { continue }
            if role == .damaged, keepingDamaged { continue }
            let path = checkpoints + "/" + name
            let successor = checkpoints + "/" + CheckpointName.name(.committed, step: step)
            if role == .replaced, try !isValid(successor) {
                if try FileSystem.isPresent(successor) {
                    try FileSystem.rename(successor, to: checkpoints + "/" + CheckpointName.name(.damaged, step: step))
                }
                try FileSystem.rename(path, to: successor)
            } else {
                // A directory that cannot be removed now (on NFS, while another process reads it) is removed by a later
                // commit.
                try? FileSystem.remove(path)
            }
        }
    }

    /// Whether every byte of a checkpoint agrees with its manifest.
    ///
    /// - Throws: If the checkpoint cannot be read for a reason other than damage.
    private static func isValid(_ directory: String) throws(Failure) -> Bool {
        do throws(Failure) {
            try Checkpoint.open(directory).verify()
            return true
        } catch {
            guard error.exitCode == .badData else { throw error }
            return false
        }
    }
}
