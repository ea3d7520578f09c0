import Checkpoints
import Collectives
import Failures
import Glibc
import Training

extension Command {
    static let generate = Command(
        name: "generate", summary: "continue a text with a trained model",
        options: [
            .one("checkpoint", "DIR", "the checkpoint"),
            .one("prompt", "TEXT", "the text to continue (default: a line break)"),
            .one("tokens", "N", "how many tokens to add (default 200)"),
            .one("temperature", "X", "0: always the likeliest token; default 0.8"),
            .one("top-k", "K", "only the K likeliest tokens (default 0: all)"),
            .one("top-p", "P", "only the likeliest tokens that together have this probability (default 1)"),
            .one("seed", "N", "another seed, another text (default 1337)"),
            .weights,
            .threads,
        ],
        endsOnRequest: true,
        example: "dtrain generate --checkpoint runs/quickstart/checkpoints/step-00001200 --prompt \"This License\""
    ) { arguments, session in
        let (settings, threads) = try session.communicator.together { () throws(Failure) in
            let settings = GenerationSettings(
                checkpoint: try arguments.required("checkpoint"), prompt: arguments.value("prompt") ?? "\n",
                tokens: try arguments.integer("tokens", in: 1...1_000_000_000, default: 200),
                temperature: try arguments.real("temperature", in: 0...100, default: 0.8),
                topK: try arguments.integer("top-k", in: 0...1_000_000_000, default: 0),
                topP: try arguments.real("top-p", in: 0.000_001...1, default: 1),
                seed: UInt64(try arguments.integer("seed", in: 0...Int.max, default: 1337)),
                weights: try arguments.weights())
            return (settings, try arguments.threads())
        }
        try ComputeThreads.start(threads, session.communicator, session.console)
        let status = try session.communicator.onFirstRank { () throws(Failure) in
            try Generation(settings).run(
                output: { session.console.write($0) },
                shouldStop: { StopRequest.isPending() || session.console.isClosed })
            return StopRequest.isPending() ? "stopped" : "finished"
        }
        return status == "finished" ? .finished : .stopped
    }
}
