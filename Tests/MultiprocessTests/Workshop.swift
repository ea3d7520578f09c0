import Checkpoints
import Files
import Glibc
import TestSupport
import Testing

/// All tests that start the program, as users do.
@Suite(.sideBySide) enum MultiprocessTests {}

/// A new directory with a text, a dataset prepared from it, and a configuration whose run takes about a second.
final class Workshop {
    let directory = TemporaryDirectory()

    /// - Parameter text: The text from which the dataset `data` is prepared; nil: none is prepared.
    init(text: String? = Workshop.text) throws {
        try FileSystem.replaceContents(of: directory.file("tiny.yaml"), with: Workshop.configuration)
        guard let text else { return }
        try FileSystem.replaceContents(of: directory.file("text.txt"), with: text)
        let prepared = dtrain("prepare", "--text", "text.txt", "--tokenizer", "byte", "--output", "data")
        try #require(prepared.exitCode == 0, "\(prepared.errors)")
    }

    /// The program under test: `DTRAIN_BINARY`, or the output of `swift build -c release` for this package.
    static let binary: String = {
        if let path = getenv("DTRAIN_BINARY") { return String(cString: path) }
        let package = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let path = "/\(package)/.build/release/dtrain"
        precondition(FileSystem.exists(path), "\(path) is missing: swift build -c release, or set DTRAIN_BINARY")
        return path
    }()

    static let configuration = """
        run: {directory: run, seed: \(7 + seedOffset)}
        data: {directory: data, context_length: 32}
        model: {layers: 2, heads: 2, width: 32, dropout: 0.1}
        batch: {sequences: 16, slots: 8}
        optimizer: {clip_norm: 0.5, clip_value: 0.01}
        schedule: {peak: 2e-3, floor: 2e-4, warmup_steps: 4}
        averaging: {bucket_bytes: 4096}
        training: {steps: 24, evaluate_every: 8, checkpoint_every: 5, keep_last: 3, keep_best: 1}
        """

    /// Lines of words, with characters of one to four bytes.
    static let text: String = {
        let words = ["alpha", "beta", "of", "the", "größe", "naïve", "→", "𝛼", "and", "delta"]
        var state: UInt32 = 1
        return (0..<500).map { _ in
            (0..<9).map { _ in
                state = state &* 1_664_525 &+ 1_013_904_223
                return words[Int(state >> 16) % words.count]
            }.joined(separator: " ")
        }.joined(separator: "\n")
    }()

    // MARK: Starting

    /// Starts the program, under `mpirun` if `ranks` is given.
    func start(_ words: [String], ranks: Int? = nil, environment: [String: String] = [:]) -> Job {
        let launcher = ranks.map { ["mpirun", "-np", "\($0)"] } ?? []
        return Job(launcher + [Workshop.binary] + words, in: directory.path, environment: environment)
    }

    /// Runs the program and waits until it ends.
    @discardableResult
    func dtrain(_ words: String..., ranks: Int? = nil) -> Job.Outcome { start(words, ranks: ranks).finish() }

    /// The arguments of a training run with the tiny configuration.
    static func training(_ sets: [String] = [], output: String = "run") -> [String] {
        ["--config", "tiny.yaml", "--output", output] + sets.flatMap { ["--set", $0] }
    }

    /// Runs a training run to its end and expects success.
    @discardableResult
    func train(
        _ sets: String..., ranks: Int? = nil, output: String = "run", sourceLocation: SourceLocation = #_sourceLocation
    ) -> Job.Outcome {
        let outcome = start(Workshop.training(sets, output: output), ranks: ranks).finish()
        #expect(outcome.exitCode == 0, "\(outcome.errors)", sourceLocation: sourceLocation)
        #expect(outcome.leftBehind.isEmpty, sourceLocation: sourceLocation)
        return outcome
    }

    /// Trains for four steps and exports the resulting model to the directory `model`.
    func exportTrainedModel() {
        train("training.steps=4")
        dtrain("export", "--checkpoint", Workshop.checkpoint(4), "--output", "model")
    }

    // MARK: Results

    /// The directory of a run's checkpoint, relative to the workshop.
    static func checkpoint(_ step: Int, output: String = "run") -> String {
        let digits = "\(step)"
        return "\(output)/checkpoints/step-" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// The digest that `checkpoint digest` prints for a step of a run.
    func digest(_ output: String = "run", step: Int = 24, sourceLocation: SourceLocation = #_sourceLocation) -> String {
        let outcome = dtrain("checkpoint", "digest", Workshop.checkpoint(step, output: output))
        #expect(outcome.exitCode == 0, "\(outcome.errors)", sourceLocation: sourceLocation)
        let digest = String(outcome.output.dropLast())
        #expect(digest.count == 32, "\(digest)", sourceLocation: sourceLocation)
        return digest
    }

    /// The names of the files in a directory of the workshop.
    func names(_ path: String) -> [String] { (try? FileSystem.list(directory.file(path))) ?? [] }

    /// The bytes of each tensor in a file of a checkpoint.
    func tensors(_ checkpoint: String, _ name: String) throws -> [String: [UInt8]] {
        let file = try SafetensorsFile(directory.file("\(checkpoint)/\(name)"))
        var tensors: [String: [UInt8]] = [:]
        for tensor in file.tensors {
            let count = try #require(tensor.type.byteCount(shape: tensor.shape))
            tensors[tensor.name] = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                try file.read(tensor.name, into: UnsafeMutableRawBufferPointer(buffer))
                initialized = count
            }
        }
        return tensors
    }

    /// The complete lines of a run's `metrics.jsonl`.
    func metrics(_ output: String = "run") throws -> [JSON] {
        let path = directory.file("\(output)/metrics.jsonl")
        guard FileSystem.exists(path) else { return [] }
        let lines = try FileSystem.contents(of: path).split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return try lines.dropLast().map { try JSON(parsing: Array($0), source: path) }
    }

    /// The loss of each step, in the order of the lines.
    func losses(_ output: String = "run") throws -> [Loss] {
        try metrics(output).compactMap { line in
            guard let step = line["step"]?.integerValue, let loss = line["loss"]?.doubleValue else { return nil }
            return Loss(step: step, bits: loss.bitPattern)
        }
    }

    /// A step with the bits of its loss.
    struct Loss: Equatable {
        let step: Int
        let bits: UInt64
    }

    /// Waits until a run has logged `step`.
    func wait(forStep step: Int, output: String = "run") -> Bool {
        Job.poll(seconds: 120) { ((try? losses(output).last?.step) ?? 0) >= step }
    }
}

/// Expects a command to fail with this exit code and one message that contains all of `words`, and to leave no
/// processes.
func expectRefusal(
    _ outcome: Job.Outcome, _ exitCode: Int32, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(outcome.exitCode == exitCode, "\(outcome.errors)", sourceLocation: sourceLocation)
    #expect(outcome.messages.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
    for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)", sourceLocation: sourceLocation) }
    #expect(outcome.leftBehind.isEmpty, sourceLocation: sourceLocation)
}
