import Failures
import Files

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
    /// - Returns: The committed checkpoint, with its digest.
    /// - Complexity: One pass over the tensors, hashed on the way; no copy of them.
    /// - Throws: `inputOutput` where the disk does not take it; what was written by then is removed.
    @discardableResult
    package static func commit(
        run: RunDirectory, state: CheckpointState, program: String, identity: JSON, tokenizerModel: [UInt8] = [],
        files: [(name: String, tensors: [TensorSource])]
    ) throws(Failure) -> Checkpoint {
        var commit = CheckpointCommit(
            run: run, state: state, program: program, identity: identity, tokenizerModel: tokenizerModel, files: files)
        do throws(Failure) {
            for step in CheckpointCommit.Step.allCases { try commit.perform(step) }
        } catch {
            // The message of what went wrong matters more than what goes wrong while tidying.
            try? CheckpointCommit.tidy(run.checkpoints)
            throw error
        }
        return try Checkpoint.open(commit.target)
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
    private var records: [CheckpointManifest.File] = []
    private var fingerprints: [String: [TensorFingerprint]] = [:]

    init(
        run: RunDirectory, state: CheckpointState, program: String, identity: JSON, tokenizerModel: [UInt8] = [],
        files: [(name: String, tensors: [TensorSource])]
    ) {
        precondition(
            files.allSatisfy {
                CheckpointManifest.isAllowed($0.name) && $0.name.hasSuffix(CheckpointManifest.tensorFileExtension)
            })
        precondition(Set(files.map(\.name)).count == files.count, "A checkpoint holds each file once.")
        precondition(state.step >= 0 && state.consumedSamples >= 0)
        self.run = run
        self.state = state
        self.program = program
        self.identity = identity
        self.tokenizerModel = tokenizerModel
        self.files = files
    }

    /// All of the commit, in order.
    enum Step: CaseIterable {
        case makeDirectory, writeTensors, writeState, writeTokenizer, writeManifest, setAsidePredecessor, publish,
            removePredecessor
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
        case .removePredecessor: try removePredecessor()
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
        try FileSystem.makeDirectory(path(.writing))
    }

    private mutating func writeTensors() throws(Failure) {
        for (name, tensors) in files {
            // The format entry is what Hugging Face's loaders ask for.
            let written = try SafetensorsWriter.write(
                tensors, metadata: ["format": "pt"], to: path(.writing) + "/" + name)
            records.append(CheckpointManifest.File(name: name, size: written.size, digest: written.digest))
            fingerprints[name] = written.tensors
        }
    }

    private mutating func writeState() throws(Failure) {
        try record(Array(state.text.utf8), as: CheckpointManifest.stateFileName)
    }

    private mutating func writeTokenizer() throws(Failure) {
        if !tokenizerModel.isEmpty { try record(tokenizerModel, as: CheckpointManifest.tokenizerFileName) }
    }

    private func writeManifest() throws(Failure) {
        let manifest = CheckpointManifest(
            program: program, step: state.step, digest: checkpointDigest(files: fingerprints, state: state),
            files: records, identity: identity)
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

    private func removePredecessor() throws(Failure) {
        try FileSystem.remove(path(.replaced))
    }

    /// Writes a small file and its line in the manifest.
    private mutating func record(_ bytes: [UInt8], as name: String) throws(Failure) {
        try write(bytes, as: name)
        records.append(CheckpointManifest.File(name: name, size: bytes.count, digest: Digest.of(bytes)))
    }

    private func write(_ bytes: [UInt8], as name: String) throws(Failure) {
        let file = try File(path(.writing) + "/" + name, .create, followingLinks: false)
        try file.write(bytes)
        try file.synchronize()
    }

    // MARK: Leftovers

    /// Removes what a commit or a removal that was cut short left behind, and gives a checkpoint that was set aside its
    /// name back where no successor took it.
    static func tidy(_ checkpoints: String) throws(Failure) {
        for name in try FileSystem.list(checkpoints) {
            guard let (role, step) = CheckpointName.parse(name), role != .committed else { continue }
            let path = checkpoints + "/" + name
            let committed = checkpoints + "/" + CheckpointName.name(.committed, step: step)
            if role == .replaced, !FileSystem.exists(committed) {
                try FileSystem.rename(path, to: committed)
            } else {
                try FileSystem.remove(path)
            }
        }
    }
}
