import Failures
import Inference

extension Command {
    static let export = Command(
        name: "export", summary: "export a checkpoint to the format of Hugging Face transformers",
        options: [
            .checkpoint,
            .one(
                "format", .choice(of: InterchangeFormat.self),
                "huggingface (default): config.json, model.safetensors and tokenizer"),
            .one("output", .directory, "directory to write the model to"),
            .weights,
        ],
        example: "dtrain export --checkpoint runs/quickstart --output models/quickstart"
    ) { arguments, session in
        let line = try session.communicator.onFirstRank { () throws(Failure) in
            let (checkpoint, output) = (
                try arguments.checkpointDirectory(session.console), try arguments.required("output")
            )
            let _: InterchangeFormat? = try arguments.choice("format")
            return try ModelExport(checkpoint: checkpoint).write(to: output, try arguments.weights()) { done, total in
                session.console.draw("verifying: \(100 * done / max(total, 1)) %")
            }
        }
        session.console.say(line)
        return .finished
    }
}

/// A format of models of other programs.
private enum InterchangeFormat: String, CaseIterable {
    case huggingface
}
