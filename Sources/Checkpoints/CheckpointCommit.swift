import Failures
import Files
import Texts

extension Checkpoint {
    /// Writes a checkpoint of `state` and `files` into the run and makes it valid in one step.
    ///
    /// Whenever the process dies, the checkpoints that were valid before are valid still. One of the same step is
    /// replaced. Leftovers of a commit that was cut short are removed.
    ///
    /// - Parameters:
    ///   - program: The name and version of the program.
    ///   - identity: What to recognize the run by: configuration, layout, dataset, tokenizer.
    ///   - tokenizerModel: The bytes of the tokenizer's model, empty where it has none.
    ///   - files: Names that end in `.safetensors`, and the tensors of each.
    ///   - isPrivate: Whether the files are for their owner alone; otherwise the umask decides.
    /// - Returns: The committed checkpoint, with its digest, read back from the disk.
    /// - Complexity: One pass over the tensors, hashed on the way, and one over the files; no copy of them.
    /// - Throws: `inputOutput` where the disk has no room for it or does not take it: what was written by then is
    ///   removed; and where it does not read back as it was written: then it is set aside.
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
            // The message of what went wrong matters more than what goes wrong while tidying.
            try? CheckpointCommit.tidy(run.checkpoints, keepingDamaged: true)
            throw error
        }
        return commit.committed!
    }
}

/// The commit of one checkpoint, as a row of steps any of which may be the last that the process lives to see.
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

    /// All of the commit, in order.
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

    /// Where the checkpoint stands once it is valid.
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

    /// Makes sure, before anything is written, that the disk has room for all of it.
    private func checkRoom() throws(Failure) {
        // The end of each file's last block, the manifest's own words, the directory: with a margin.
        let margin = 1 << 16
        let tensors = files.map { SafetensorsWriter.byteCount(of: $0.tensors, metadata: Self.metadata) }
        let texts = [state.text.utf8.count, tokenizerModel.count, identity.page.utf8.count]
        let needed = (tensors + texts).reduce(margin) { $0 + $1 + margin }
        let free = try FileSystem.freeBytes(in: run.checkpoints)
        guard needed <= free else {
            let megabyte = 1_000_000
            throw Failure(
                .inputOutput,
                "\(run.checkpoints): no room for the checkpoint of step \(state.step): it needs "
                    + "\((needed + megabyte - 1) / megabyte) MB, \(free / megabyte) MB are free. Free some space "
                    + "there, lower training.keep_last and training.keep_best, or choose another directory.")
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
        if !tokenizerModel.isEmpty { try record(tokenizerModel, as: CheckpointManifest.tokenizerFileName) }
    }

    private mutating func writeManifest() throws(Failure) {
        digest = checkpointDigest(files: fingerprints, state: state)
        let manifest = CheckpointManifest(
            program: program, step: state.step, digest: digest, files: records, identity: identity)
        try write(Array(manifest.text.utf8), as: CheckpointManifest.fileName)
        try FileSystem.synchronizeDirectory(path(.writing))
    }

    /// Moves a checkpoint of the same step out of the way. It stays discoverable under its new name.
    private func setAsidePredecessor() throws(Failure) {
        guard FileSystem.exists(target) else { return }
        try FileSystem.rename(target, to: path(.replaced))
    }

    /// The commit itself: the checkpoint gets its name.
    private func publish() throws(Failure) {
        try FileSystem.rename(path(.writing), to: target)
        try FileSystem.synchronizeDirectory(run.checkpoints)
    }

    /// Reads from the disk what was written, before anything earlier is removed. What is not the same makes place for
    /// what was there before, and is kept until the next commit, for who wants to see what the disk did.
    private mutating func readBack() throws(Failure) {
        do throws(Failure) {
            let found = try Checkpoint.open(target)
            try found.verify(fromDisk: true)
            guard found.digest == digest, found.manifest.files == records else {
                throw Failure(.badData, "\(target): is another checkpoint than was written.")
            }
            committed = found
        } catch {
            try FileSystem.rename(target, to: path(.damaged))
            throw Failure(
                .inputOutput,
                "\(error.message) It was written without an error just before: check the disk. Set aside as "
                    + "\(path(.damaged)).")
        }
    }

    /// The commit is done. What cannot be removed now goes with the next.
    private func removePredecessor() {
        try? FileSystem.remove(path(.replaced))
    }

    /// Writes a small file and its line in the manifest.
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

    /// What Hugging Face's loaders ask for.
    private static let metadata: [ExactText: String] = ["format": "pt"]

    // MARK: Leftovers

    /// Removes what a commit or a removal that was cut short left behind, and gives a checkpoint that was set aside its
    /// name back where no valid successor took it.
    ///
    /// - Parameter keepingDamaged: Whether one that did not read back stays.
    static func tidy(_ checkpoints: String, keepingDamaged: Bool = false) throws(Failure) {
        // Damaged ones come first and are gone before their names are wanted.
        for name in try FileSystem.list(checkpoints) {
            guard let (role, step) = CheckpointName.parse(name), role != .committed else { continue }
            if role == .damaged, keepingDamaged { continue }
            let path = checkpoints + "/" + name
            let successor = checkpoints + "/" + CheckpointName.name(.committed, step: step)
            if role == .replaced, try !isValid(successor) {
                if FileSystem.exists(successor) {
                    try FileSystem.rename(successor, to: checkpoints + "/" + CheckpointName.name(.damaged, step: step))
                }
                try FileSystem.rename(path, to: successor)
            } else {
                // What cannot be removed now, as on NFS what somebody reads, goes another time.
                try? FileSystem.remove(path)
            }
        }
    }

    /// Whether every byte of a checkpoint is as it should be. One that cannot be read, for another reason, is no
    /// answer.
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
