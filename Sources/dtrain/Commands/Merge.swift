import Exchange
import Failures
import Inference

extension Command {
    static let merge = Command(
        name: "merge", summary: "merge an adapter (LoRA) with its base to a whole model",
        options: [
            .checkpoint,
            .one("base", .directory, "base, if it is no longer where the adapter was trained"),
            .one("output", .directory, "run directory to create, with one checkpoint"),
            .weights,
        ],
        example: "dtrain merge --checkpoint runs/adapter --output runs/merged"
    ) { arguments, session in
        let line = try session.communicator.onFirstRank { () throws(Failure) in
            let (checkpoint, output) = (
                try arguments.checkpointDirectory(session.console), try arguments.required("output")
            )
            return try AdapterMerge(checkpoint: checkpoint, base: arguments.value("base"))
                .write(to: output, try arguments.weights()) { done, total in
                    session.console.draw("verifying: \(100 * done / max(total, 1)) %")
                }
        }
        session.console.say(line)
        return .finished
    }
}
