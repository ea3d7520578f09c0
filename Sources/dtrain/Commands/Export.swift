import Collectives
import Failures
import Inference
import Training

extension Command {
    static let export = Command(
        name: "export", summary: "write a checkpoint's model for Hugging Face transformers",
        options: [
            .one("checkpoint", "DIR", "the checkpoint, or a run: its newest; RUN/best: its best"),
            .one("format", "huggingface", "what is written (default): config.json, model.safetensors, the tokenizer"),
            .one("output", "DIR", "the directory that becomes the model"),
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
