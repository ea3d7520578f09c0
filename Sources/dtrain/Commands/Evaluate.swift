import Collectives
import Failures
import Training

extension Command {
    static let evaluate = Command(
        name: "evaluate", summary: "measure a checkpoint's predictions on the validation split",
        options: [
            .one("checkpoint", "DIR", "the checkpoint"),
            .one("data", "DIR", "the dataset (default: the one it was trained on)"),
            .one("beam", "N", "of translations: follow the N likeliest texts (default 1)"),
            .weights,
            .threads,
        ],
        example: "mpirun -np 4 dtrain evaluate --checkpoint runs/quickstart/checkpoints/step-00001200"
    ) { arguments, session in
        let (directory, weights, beams, threads) = try session.communicator.together { () throws(Failure) in
            (
                try arguments.required("checkpoint"), try arguments.weights(),
                try arguments.integer("beam", in: 1...1000, default: 1), try arguments.threads()
            )
        }
        try ComputeThreads.start(threads, session.communicator, session.console)
        let evaluation = try Evaluation(
            checkpoint: directory, data: arguments.value("data"), weights: weights, session.communicator)
        if let assumption = evaluation.assumption { session.console.warn(assumption) }
        session.console.say(try evaluation.run().report(names: evaluation.classNames))
        if let scores = try evaluation.translationScores(beams: beams) {
            session.console.say("translations: \(scores.text)")
        }
        return .finished
    }
}
