import Collectives
import Failures
import Training

extension Command {
    static let export = Command(
        name: "export", summary: "write a checkpoint's model for Hugging Face transformers",
        options: [
            .one("checkpoint", "DIR", "the checkpoint"),
            .one("format", "huggingface", "what is written: config.json, model.safetensors and the tokenizer"),
            .one("output", "DIR", "the directory that becomes the model"),
            .weights,
        ],
        example: "dtrain export --checkpoint runs/quickstart/checkpoints/step-00001200 --format huggingface "
            + "--output models/quickstart"
    ) { arguments, session in
        let line = try session.communicator.onFirstRank { () throws(Failure) in
            let (checkpoint, output) = (try arguments.required("checkpoint"), try arguments.required("output"))
            let format = try arguments.required("format")
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
