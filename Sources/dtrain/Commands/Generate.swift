import Texts
import Models
import Failures
import Inference
import Resources
import Watching

extension Command {
    static let generate = Command(
        name: "generate", summary: "continue, translate, fill in or classify prompts with a model",
        options: [
            .checkpoint,
            .one("prompt", .text, "prompt (default: line break); [MASK]: a blank"),
            .one("input", .file, "a prompt per line; .jsonl: \"text\"; -: stdin"),
            .one("output", .file, "results; the same command resumes them"),
            .one("tokens", "[M:]N", "new tokens: maximum (default 200); M: minimum"),
            .one("temperature", "X", "0: greedy (default: decoder 0.8, others 0)"),
            .one("top-k", "K", "sample from the K most probable tokens (0: all)")
                .withNext("sample from K tokens; from those that sum to P"),
            .one("top-p", "P", "nucleus sampling with this total (default 1: off)"),
            .one("repetition-penalty", "X", "above 1: less repetition (default 1)"),
            .one("beam", "N", "beam search with N beams (default 1: off)")
                .withNext("beams (default 1: off); score ÷ tokens^A (1)"),
            .one("length-penalty", "A", "with --beam: score ÷ tokens^A (default 1)"),
            .list("stop", .text, "stop sequences: the output ends before the first one")
                .withNext("texts that end the output; forbidden texts"),
            .list("forbid", .text, "texts that the output must not contain"),
            .one("samples", "N", "results per prompt, with different random numbers (default 1)")
                .withNext("results per prompt: samples, or best beams"),
            .one("nbest", "N", "results per prompt: the N best hypotheses of --beam (default 1)"),
            .flag("json", "one JSON object per result: prompt, text, tokens, log-probability")
                .withNext("JSON with all details; log-probability first"),
            .flag("scores", "begin each result with its log-probability and a tab"),
            .flag("crop", "truncate long prompts (decoder: keep the end)")
                .withNext("truncate long prompts; print every class"),
            .flag("all", "print every class, not only the most probable one"),
            .flag("chat", "answer the prompt, or each line, in a chat"),
            .one("system", .text, "with --chat: message of the system")
                .withNext("for --chat; default: the checkpoint's template"),
            .one("template", .file, "with --chat: name or file of the chat template (default: the checkpoint's)"),
            .one("batch", "N", "prompts per batch (default 16); changes no result")
                .withNext("prompts per batch (16); seed (default 1337)"),
            .one("seed", "N", "seed for sampling (default 1337)"),
            .weights,
            .threads,
        ],
        endsOnRequest: true,
        example: "dtrain generate --checkpoint runs/quickstart --prompt \"This License\""
    ) { arguments, session in
        var (settings, threads) = try session.communicator.together { () throws(Failure) in
            try arguments.checkChat()
            return (try arguments.generationSettings(), try arguments.threads())
        }
        settings.checkpoint = try session.communicator.onFirstRank { () throws(Failure) in
            try arguments.checkpointDirectory(session.console)
        }
        try ComputeThreads.start(threads, session.communicator, session.console)
        if arguments.has("chat") { return try chat(settings, arguments, session) }
        let prompt = try session.communicator.together { () throws(Failure) in try arguments.text("prompt") ?? "\n" }
        let samples = try session.communicator.together { () throws(Failure) in try arguments.samples() }
        if let input = arguments.value("input") {
            let file =
                input == "-"
                ? try PromptFile(readingStandardInputWith: session.communicator)
                : try session.communicator.together { () throws(Failure) in try PromptFile(reading: input) }
            return try generateLines(of: file, samples: samples, settings, arguments, session)
        }
        if settings.form != ResultForm() || settings.best > 1 {
            return try generateLines(
                of: try session.communicator.together { () throws(Failure) in try PromptFile(of: prompt) },
                samples: samples, settings, arguments, session)
        }
        let status = try session.communicator.onFirstRank { () throws(Failure) in
            let generation = try Generation.onOneRank(settings)
            if let line = generation.importedSettings { session.console.warn(line) }
            let shouldStop = { StopRequest.isPending() || session.console.isClosed }
            for sample in 0..<samples where !shouldStop() {
                try generation.run(
                    prompt: prompt, sample: sample, output: { session.console.write($0) }, shouldStop: shouldStop)
            }
            return StopRequest.isPending() ? "stopped" : "finished"
        }
        return status == "finished" ? .finished : .stopped
    }
}

extension Arguments {
    /// The settings according to the options of `generate`.
    func generationSettings() throws(Failure) -> GenerationSettings {
        var settings = GenerationSettings(checkpoint: try required("checkpoint"))
        if has("input"), has("prompt") { throw usage("--input and --prompt cannot be combined.") }
        if has("output"), !has("input") { throw usage("--output requires --input FILE.") }
        if has("temperature") {
            settings.temperature = try real("temperature", in: GenerationLimits.temperature, default: 0)
        }
        settings.weights = try weights()
        settings.stops = try texts("stop")
        guard !settings.stops.contains(where: \.isEmpty) else {
            throw usage("--stop: found an empty text; allowed: at least one character.")
        }
        settings.forbidden = try texts("forbid")
        guard !settings.forbidden.contains(where: \.isEmpty) else {
            throw usage("--forbid: found an empty text; allowed: at least one character.")
        }
        settings.form.kind = has("json") ? .object : .text
        settings.form.precedesWithScore = has("scores")
        if has("json"), has("scores") {
            throw usage("--json and --scores cannot be combined: objects have the scores.")
        }
        settings.tellsAllClasses = has("all")
        settings.crops = has("crop")
        var decoding = DecodingSettings()
        (decoding.minimumTokens, decoding.tokens) = try tokenRange()
        decoding.topK = try integer("top-k", in: GenerationLimits.topK, default: 0)
        decoding.topP = try real("top-p", in: GenerationLimits.topP, default: 1)
        decoding.repetitionPenalty = try real(
            "repetition-penalty", in: GenerationLimits.repetitionPenalty, default: 1)
        decoding.beams = try integer("beam", in: GenerationLimits.beams, default: 1)
        decoding.lengthPenalty = try real("length-penalty", in: GenerationLimits.lengthPenalty, default: 1)
        decoding.batch = try integer("batch", in: GenerationLimits.batch, default: 16)
        decoding.seed = UInt64(try integer("seed", in: 0...Int.max, default: 1337))
        settings.best = try integer("nbest", in: 1...GenerationLimits.beams.upperBound, default: 1)
        guard settings.best <= decoding.beams else {
            throw usage(
                "--nbest: found \(settings.best); allowed: 1 to the number of beams, \(decoding.beams). Set it with "
                    + "--beam N.")
        }
        if decoding.beams == 1, has("length-penalty") {
            throw usage("--length-penalty requires --beam N with N of at least 2.")
        }
        for option in ["temperature", "top-k", "top-p", "seed", "samples"] where decoding.beams > 1 && has(option) {
            throw usage("--beam and --\(option) cannot be combined: beam search is deterministic.")
        }
        settings.decoding = decoding
        settings.chosen = Set(GenerationOption.allCases.filter { has($0.rawValue) })
        // A chat has no beams.
        if has("chat") { settings.chosen?.insert(.beams) }
        return settings
    }

    /// The number of samples of each prompt.
    func samples() throws(Failure) -> Int { try integer("samples", in: GenerationLimits.samples, default: 1) }

    /// The minimum and maximum number of tokens to generate.
    private func tokenRange() throws(Failure) -> (fewest: Int, most: Int) {
        let text = value("tokens") ?? "200"
        let numbers = text.exactParts(at: ":").map { Int($0) ?? -1 }
        let (fewest, most) = (numbers.count == 2 ? numbers[0] : 0, numbers[numbers.count - 1])
        guard numbers.count <= 2, GenerationLimits.tokens.contains(most), (0...most).contains(fewest) else {
            throw usage(
                "--tokens: found \(text); allowed: N or M:N, with N a whole number from 1 to 1000000000 and M "
                    + "from 0 to N.")
        }
        return (fewest, most)
    }
}
