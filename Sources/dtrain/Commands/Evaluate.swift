import Collectives
import Failures
import Training

extension Command {
    static let evaluate = Command(
        name: "evaluate", summary: "measure a checkpoint's loss on the validation split",
        options: [
            .one("checkpoint", "DIR", "the checkpoint"),
            .one("data", "DIR", "the dataset (default: the one it was trained on)"),
            .weights,
            .threads,
        ],
        example: "mpirun -np 4 dtrain evaluate --checkpoint runs/quickstart/checkpoints/step-00001200"
    ) { arguments, session in
        let (directory, weights, threads) = try session.communicator.together { () throws(Failure) in
            (try arguments.required("checkpoint"), try arguments.weights(), try arguments.threads())
        }
        try ComputeThreads.start(threads, session.communicator, session.console)
        let evaluation = try Evaluation(
            checkpoint: directory, data: arguments.value("data"), weights: weights, session.communicator)
        let loss = try evaluation.run()
        session.console.say("validation loss \(fixed(loss.nats, 4)), perplexity \(fixed(loss.perplexity, 3))")
        return .finished
    }
}
