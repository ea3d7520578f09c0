import Exchange
import Failures
import Inference
import Texts

extension Command {
    static let `import` = Command(
        name: "import", summary: "import a model of transformers, or an adapter of PEFT",
        options: [
            .one("from", .directory, "model directory: config.json and safetensors (classes: see docs/guide.md)"),
            .one("base", .directory, "for an adapter of PEFT: checkpoint of the model that it adapts"),
            .one("output", .directory, "run directory to create, with one checkpoint at step 0"),
            .one(
                "tokenizer", ValueKind("KIND", words: ["byte", "none"], .files),
                "byte, none, or a tokenizer's FILE (default: the one in DIR)"),
        ],
        example: "dtrain import --from models/gpt2 --output runs/gpt2"
    ) { arguments, session in
        let lines = try session.communicator.onFirstRank { () throws(Failure) in
            let (from, output) = (try arguments.required("from"), try arguments.required("output"))
            if let base = arguments.value("base") {
                guard !arguments.has("tokenizer") else {
                    throw arguments.usage("--tokenizer: an adapter has the tokenizer of its base. Omit it.")
                }
                return try AdapterImport(from: from, base: base).write(to: output)
            }
            let line = try ModelImport(from: from, tokenizer: arguments.value("tokenizer")).write(to: output)
            return """
                \(line)
                train from it: dtrain --set \(shellWord("fine_tuning.from=\(output)")) data.directory=DATA --output RUN
                """
        }
        session.console.say(lines)
        return .finished
    }
}
