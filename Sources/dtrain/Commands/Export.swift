import Failures
import Inference

extension Command {
    static let export = Command(
        name: "export", summary: "export a checkpoint to the format of Hugging Face transformers",
        options: [
            .one("checkpoint", "DIR", "checkpoint; or a run, for its newest checkpoint; RUN/best: its best checkpoint"),
            .one("format", "huggingface", "format (default): config.json, model.safetensors and the tokenizer"),
            .one("output", "DIR", "directory to write the model to"),
            .weights,
        ],
        example: "dtrain export --checkpoint runs/quickstart --output models/quickstart"
    ) { arguments, session in
        let line = try session.communicator.onFirstRank { () throws(Failure) in
            let (checkpoint, output) = (
                try arguments.checkpointDirectory(session.console), try arguments.required("output")
            )
            let format = arguments.value("format") ?? "huggingface"
            guard format == "huggingface" else {
                throw arguments.usage("--format: found \(format); allowed: huggingface.")
            }
            return try ModelExport(checkpoint: checkpoint).write(to: output, try arguments.weights()) { done, total in
                session.console.draw("verifying: \(100 * done / max(total, 1)) %")
            }
        }
        session.console.say(line)
        return .finished
    }
}
