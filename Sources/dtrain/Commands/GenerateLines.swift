import Failures
import Files
import Inference
import Reporting
import Watching

/// Generates results for each line of a file and writes them in order. If the command is interrupted, the lines already
/// written to a regular file are kept, and the same command resumes after them.
///
/// - Parameter samples: The number of samples of each line.
func generateLines(
    of file: PromptFile, samples: Int, _ settings: GenerationSettings, _ arguments: Arguments, _ session: Session
) throws -> ExitCode {
    let (communicator, console) = (session.communicator, session.console)
    let input = file.path
    // A prompt that is repeated has other random numbers.
    let lines = file.prompts.flatMap { Array(repeating: $0, count: samples) }
    var settings = settings
    if file.holdsObjects, settings.form.kind == .text { settings.form.kind = .textObject }
    // Opened first, so that an output that cannot be written is reported before the work starts.
    let results = try communicator.together { () throws(Failure) in
        communicator.rank == 0
            ? try ResultLines(arguments.value("output"), inputs: [input, settings.checkpoint], console) : nil
    }
    let generation = try Generation(settings, communicator)
    if let line = generation.importedSettings { console.warn(line) }
    try generation.check(lines: file.prompts, samples: samples, name: input)
    let first = try communicator.onFirstRank { () throws(Failure) in
        "\(try results!.begin(try generation.work(on: lines), total: lines.count))"
    }
    let done = try generation.run(
        lines: lines, from: Int(first) ?? 0, name: input,
        shouldStop: { StopRequest.isPending() || console.isClosed },
        write: { texts throws(Failure) in try results?.write(texts) })
    if done == lines.count {
        try communicator.together { () throws(Failure) in try results?.complete() }
        return .finished
    }
    // The reader of standard output has ended.
    guard try communicator.maximum(StopRequest.isPending() ? 1 : 0) == 1 else { return .finished }
    console.warn("asked to stop: \(done) of \(counted(lines.count, "line")) done. \(results?.remedy ?? "")")
    return .stopped
}

/// The output of results, one line each.
private final class ResultLines {
    private let console: Console
    /// nil if results are printed.
    private let output: OutputFile?
    /// The journal of a regular output file.
    private var journal: OutputJournal?

    /// Opens the file `path`, or standard output if it is nil.
    init(_ path: String?, inputs: [String], _ console: Console) throws(Failure) {
        self.console = console
        guard let path else {
            output = nil
            return
        }
        let option = "generate: --output"
        let output = try OutputFile(
            path, option: option, inputs: inputs, waiting: { console.warn($0) }, shouldStop: StopRequest.isPending)
        try output.refuseFilesOfOurs(option)
        self.output = output
    }

    /// Prepares for writing the results of `work`, the digest of everything that they depend on.
    ///
    /// - Returns: The number of results that have already been written.
    func begin(_ work: String, total: Int) throws(Failure) -> Int {
        guard let output else { return 0 }
        guard output.isRegular else {
            try output.begin()
            return 0
        }
        let journal = try OutputJournal(output, work: work)
        self.journal = journal
        if journal.linesDone > 0 {
            console.warn(
                "\(output.path): already has \(journal.linesDone) of \(total) lines; the remaining ones follow.")
        } else if journal.startedOver {
            console.warn(
                "\(output.path): its input, checkpoint or options differ from those of this command, or the file was "
                    + "changed; rewriting all lines.")
        }
        return journal.linesDone
    }

    /// Writes or prints results.
    func write(_ texts: [String]) throws(Failure) {
        let bytes = Array(texts.map { $0 + "\n" }.joined().utf8)
        guard let output else { return console.write(bytes) }
        try output.checkUnchanged()
        do throws(Failure) {
            if let journal { try journal.write(bytes, lines: texts.count) } else { try output.write(bytes) }
        } catch {
            throw Failure(error.exitCode, "\(error.message) \(remedy)")
        }
    }

    /// Completes the output, after all results are written.
    func complete() throws(Failure) {
        if let journal { try journal.complete() } else { try output?.close() }
    }

    /// A sentence that says how to finish the work if the command ends early.
    var remedy: String {
        journal?.hasLines != true
            ? "The same command starts again from the first line."
            : "The finished lines are kept. Repeat the same command to resume after them."
    }
}
