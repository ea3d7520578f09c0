import Failures
import Files
import Inference
import Reporting
import Resources

extension Command {
    static let evaluate = Command(
        name: "evaluate", summary: "evaluate a checkpoint on the validation split",
        options: [
            .checkpoint,
            .one("data", .directory, "dataset (default: the one that the checkpoint was trained on)"),
            .one("text", .file, "a text instead of the dataset: its perplexity (decoder)"),
            .one("errors", .file, "write what was wrong, the worst first, as JSON lines"),
            .one("task", .file, "questions, JSON: {\"prompt\": …, \"choices\": […], \"answer\": …}"),
            .one("beam", "N", "beam width for translations (default 1: greedy)"),
            .flag("json", "print one JSON object: all metrics, counts, checkpoint and dataset"),
            .weights,
            .threads,
        ],
        example: "mpirun -np 4 dtrain evaluate --checkpoint runs/quickstart/checkpoints/step-00001200"
    ) { arguments, session in
        let (weights, beams, threads) = try session.communicator.together { () throws(Failure) in
            for option in ["data", "errors", "beam"] where arguments.has("text") && arguments.has(option) {
                throw arguments.usage("--text and --\(option) cannot be combined.")
            }
            return (
                try arguments.weights(), try arguments.integer("beam", in: 1...1000, default: 1),
                try arguments.threads()
            )
        }
        let directory = try session.communicator.onFirstRank { () throws(Failure) in
            try arguments.checkpointDirectory(session.console)
        }
        // Opened first, so that an output that cannot be written is reported before the work starts.
        let errors = try session.communicator.together { () throws(Failure) -> OutputFile? in
            guard session.communicator.rank == 0, let path = arguments.value("errors") else { return nil }
            let file = try OutputFile(path, option: "evaluate: --errors", inputs: [directory])
            try file.refuseFilesOfOurs("evaluate: --errors")
            return file
        }
        try ComputeThreads.start(threads, session.communicator, session.console)
        if let path = arguments.value("text") {
            let result = try TextEvaluation(
                checkpoint: directory, text: path, weights: weights, session.communicator
            ).run()
            session.console.say(arguments.has("json") ? result.json.printedLine : result.text)
            return .finished
        }
        if let task = arguments.value("task") {
            let scores = try answer(task, directory, weights, arguments, session)
            session.console.say(scores)
            return .finished
        }
        let evaluation = try Evaluation(
            checkpoint: directory, data: arguments.value("data"), weights: weights, session.communicator)
        if arguments.has("errors") {
            try session.communicator.together { () throws(Failure) in
                if evaluation.hasExamples { return }
                throw arguments.usage("--errors: needs a classifier or a translator; \(directory) predicts tokens.")
            }
        }
        if let assumption = evaluation.assumption { session.console.warn(assumption) }
        let scores = try evaluation.run()
        if !arguments.has("json") { session.console.say(scores.report(names: evaluation.classNames)) }
        let translated = try evaluation.translated(beams: beams)
        if arguments.has("json") {
            session.console.say(evaluation.json(scores, translated).printedLine)
        } else if let translated {
            session.console.say("translations: \(TranslationScores(translated).text)")
            for (name, scores) in TranslationScores.ofParts(translated) {
                session.console.say("  \(name): \(scores.text)")
            }
        }
        try session.communicator.together { () throws(Failure) in
            guard let errors else { return }
            let examples = if let translated { translated } else { try evaluation.classified() }
            let wrong = examples.errors
            try errors.begin()
            try errors.write(Array(wrong.map { $0.json.line + "\n" }.joined().utf8))
            try errors.close()
            if arguments.has("json") { return }
            session.console.say(
                "errors: \(grouped(wrong.count)) of \(grouped(examples.count)) records, in \(errors.path)")
        }
        return .finished
    }
}

/// The scores of a checkpoint on a file of questions, as one line.
private func answer(
    _ task: String, _ directory: String, _ weights: WeightChoice?, _ arguments: Arguments, _ session: Session
) throws -> String {
    let communicator = session.communicator
    let file = try communicator.together { () throws(Failure) in
        for option in ["data", "beam"] where arguments.has(option) {
            throw arguments.usage("--task and --\(option) cannot be combined.")
        }
        return try TaskFile(reading: task)
    }
    let scores = try TaskEvaluation(file, checkpoint: directory, weights: weights, communicator).run()
    guard arguments.has("json") else { return "\(task): \(scores.text)" }
    let members: [JSON.Member] = [.init("checkpoint", .string(directory)), .init("task", .string(task))]
    return JSON.object(members + scores.members).printedLine
}
