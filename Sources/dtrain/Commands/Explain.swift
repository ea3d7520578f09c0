import Failures
import Files
import Inference
import Interpretation
import Reporting
import Resources

extension Command {
    static let explain = Command(
        name: "explain", summary: "show which input tokens a prediction depends on",
        options: [
            .checkpoint,
            .one("prompt", .text, "text whose class, blank or next token is explained; [MASK]: a blank"),
            .one("input", .file, "a prompt on each line instead; prints a JSON object for each"),
            .one("target", .text, "text after the prompt, or the beginning of its translation"),
            .one("class", .text, "class or token to explain (default: the predicted one)"),
            .one("steps", "N", "most points of the integral of gradients (default 1000)"),
            .flag("json", "print one JSON object"),
            .flag("crop", "truncate a long prompt"),
            .weights,
            .threads,
        ],
        example: "dtrain explain --checkpoint runs/reviews --prompt \"A quiet and wonderful film\""
    ) { arguments, session in
        let (settings, steps) = try session.communicator.together { () throws(Failure) in
            if arguments.has("input"), arguments.has("prompt") {
                throw arguments.usage("--input and --prompt cannot be combined.")
            }
            return (
                try arguments.settingsOfPrompt(orInput: true),
                try arguments.integer("steps", in: 1...1_000_000, default: 1000)
            )
        }
        let directory = try session.communicator.onFirstRank { () throws(Failure) in
            try arguments.checkpointDirectory(session.console)
        }
        try ComputeThreads.start(try arguments.threads(), session.communicator, session.console)
        _ = try session.communicator.onFirstRank { () throws(Failure) in
            var settings = settings
            settings.checkpoint = directory
            try printExplanations(try Generation.onOneRank(settings), steps: steps, arguments, session.console)
            return ""
        }
        return .finished
    }
}

/// Explains and prints the predictions for a prompt, or for each line of a file; empty lines are left out.
private func printExplanations(
    _ generation: Generation, steps: Int, _ arguments: Arguments, _ console: Console
) throws(Failure) {
    let (target, output) = (try arguments.text("target"), try arguments.text("class"))
    let input = arguments.value("input")
    let prompts =
        if let input { try LineReader.lines(of: input) } else { [try arguments.text("prompt") ?? ""] }
    let explainer = try Explainer(generation, steps: steps)
    for (line, prompt) in prompts.enumerated() where input == nil || !prompt.isEmpty {
        if console.isClosed { return }
        let explanation = try explainer.explain(prompt, target: target, output: output) { reason in
            if let input { return Failure(.badData, "\(input):\(line + 1): \(reason)") }
            return Failure(.usage, "explain: --prompt \(reason)")
        }
        let isJSON = input != nil || arguments.has("json")
        // `say` would show escape sequences of colours as text.
        console.write(
            Array(
                ((isJSON ? explanation.json.printedLine : explanation.text(isColored: console.isTerminal)) + "\n").utf8)
        )
    }
}
