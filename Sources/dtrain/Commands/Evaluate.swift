import Failures
import Files
import Inference
import Resources

extension Command {
    static let evaluate = Command(
        name: "evaluate", summary: "evaluate a checkpoint on the validation split",
        options: [
            .checkpoint,
            .one("data", .directory, "dataset (default: the one that the checkpoint was trained on)"),
            .one("task", .file, "questions, JSON: {\"prompt\": …, \"choices\": […], \"answer\": …}"),
            .one("beam", "N", "beam width for translations (default 1: greedy)"),
            .flag("json", "print one JSON object: all metrics, counts, checkpoint and dataset"),
            .weights,
            .threads,
        ],
        example: "mpirun -np 4 dtrain evaluate --checkpoint runs/quickstart/checkpoints/step-00001200"
    ) { arguments, session in
        let (weights, beams, threads) = try session.communicator.together { () throws(Failure) in
            (
                try arguments.weights(), try arguments.integer("beam", in: 1...1000, default: 1),
                try arguments.threads()
            )
        }
        let directory = try session.communicator.onFirstRank { () throws(Failure) in
            try arguments.checkpointDirectory(session.console)
        }
        try ComputeThreads.start(threads, session.communicator, session.console)
        if let task = arguments.value("task") {
            let scores = try answer(task, directory, weights, arguments, session)
            session.console.say(scores)
            return .finished
        }
        let evaluation = try Evaluation(
            checkpoint: directory, data: arguments.value("data"), weights: weights, session.communicator)
        if let assumption = evaluation.assumption { session.console.warn(assumption) }
        let scores = try evaluation.run()
        if !arguments.has("json") { session.console.say(scores.report(names: evaluation.classNames)) }
        let translations = try evaluation.translationScores(beams: beams)
        if arguments.has("json") {
            session.console.say(evaluation.json(scores, translations).printedLine)
        } else if let translations {
            session.console.say("translations: \(translations.text)")
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
