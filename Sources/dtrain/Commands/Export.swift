import Exchange
import Failures
import Inference
import Interchange

extension Command {
    static let export = Command(
        name: "export", summary: "export a checkpoint for transformers, PEFT or llama.cpp",
        options: [
            .checkpoint,
            .one(
                "format", .choice(of: ExportFormat.self),
                "huggingface (default): config.json, safetensors and tokenizer; gguf: model.gguf; "
                    + "peft: an adapter alone"),
            .one(
                "type", .choice(of: ExportType.self), "type of the weights (default: float32; q8_0 for gguf only)"),
            .one(
                "class", ValueKind("CLASS", words: ModelClass.names),
                "class of transformers (default: the first that can hold the model)"),
            .one("output", .directory, "directory to write the model to"),
            .weights,
        ],
        example: "dtrain export --checkpoint runs/quickstart --output models/quickstart"
    ) { arguments, session in
        let line = try session.communicator.onFirstRank { () throws(Failure) in
            let (checkpoint, output) = (
                try arguments.checkpointDirectory(session.console), try arguments.required("output")
            )
            let (format, type): (ExportFormat?, ExportType?) = (
                try arguments.choice("format"), try arguments.choice("type")
            )
            return try ModelExport(
                checkpoint: checkpoint, format: format ?? .huggingface, className: arguments.value("class")
            ).write(
                to: output, try arguments.weights(), as: type ?? .float32
            ) { done, total in session.console.draw("verifying: \(100 * done / max(total, 1)) %") }
        }
        session.console.say(line)
        return .finished
    }
}
