import Collectives
import Failures
import Inference
import Texts
import Training

extension Command {
    static let `import` = Command(
        name: "import", summary: "make a checkpoint of a model of Hugging Face transformers",
        options: [
            .one("from", "DIR", "the model: config.json and safetensors (GPT-2, Llama, BERT, Marian, ViT)"),
            .one("output", "DIR", "the directory that becomes a run with one checkpoint, at step 0"),
            .one("tokenizer", "KIND", "byte, or a FILE.model of SentencePiece (default: DIR/tokenizer.model)"),
        ],
        example: "dtrain import --from models/gpt2 --output runs/gpt2"
    ) { arguments, session in
        let lines = try session.communicator.onFirstRank { () throws(Failure) in
            let (from, output) = (try arguments.required("from"), try arguments.required("output"))
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
