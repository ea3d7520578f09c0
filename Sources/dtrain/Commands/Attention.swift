import Failures
import Files
import Inference
import Interpretation
import Resources
import Texts

extension Command {
    static let attention = Command(
        name: "attention", summary: "show which tokens a model attends to, by layer and head",
        options: [
            .checkpoint,
            .one("prompt", .text, "text that the model reads; [MASK]: a blank"),
            .one("target", .text, "text after the prompt, or its translation (default: the model's own)"),
            .one("output", ValueKind("FILE.html|.json|.svg", .files), "file for the maps, in the format of its name"),
            .flag("crop", "truncate a long prompt"),
            .weights,
            .threads,
        ],
        example: "dtrain attention --checkpoint runs/translation --prompt \"A dog runs.\" --output attention.html"
    ) { arguments, session in
        let (settings, output, format) = try session.communicator.together { () throws(Failure) in
            let output = try arguments.required("output")
            return (try arguments.settingsOfPrompt(), output, try arguments.pictureFormat(output))
        }
        let directory = try session.communicator.onFirstRank { () throws(Failure) in
            try arguments.checkpointDirectory(session.console)
        }
        try ComputeThreads.start(try arguments.threads(), session.communicator, session.console)
        let lines = try session.communicator.onFirstRank { () throws(Failure) in
            var settings = settings
            settings.checkpoint = directory
            let file = try OutputFile(output, option: "attention: --output", inputs: [directory])
            try file.refuseFilesOfOurs("attention: --output")
            let attention = try PromptAttention(
                try Generation.onOneRank(settings), prompt: try arguments.text("prompt") ?? "",
                target: try arguments.text("target"))
            let content =
                switch format {
                case .html: attention.html
                case .svg: attention.svg
                case .json: attention.json.line + "\n"
                }
            try file.begin()
            try file.write(Array(content.utf8))
            try file.close()
            let parts = attention.parts.map { part in
                "\(part.kind.rawValue): \(part.layers.count) layers × \(part.layers[0].heads) heads, "
                    + "\(part.queries.count) × \(part.keys.count) tokens"
            }
            return (parts + (attention.alignment?.lines ?? []) + ["written to \(output)"]).joined(separator: "\n")
        }
        session.console.say(lines)
        return .finished
    }
}

/// The format of a picture of attention.
private enum PictureFormat: String, CaseIterable {
    case html
    case json
    case svg
}

extension Arguments {
    /// The settings of commands that look into a model that reads `--prompt`.
    ///
    /// - Parameter orInput: Whether `--input` may take the place of `--prompt`.
    func settingsOfPrompt(orInput: Bool = false) throws(Failure) -> GenerationSettings {
        var settings = GenerationSettings(checkpoint: try required("checkpoint"))
        if !orInput || !has("input") { _ = try required("prompt") }
        settings.weights = try weights()
        settings.crops = has("crop")
        _ = try threads()
        return settings
    }

    /// The format that the name of the output `path` ends in.
    fileprivate func pictureFormat(_ path: String) throws(Failure) -> PictureFormat {
        guard let format = PictureFormat.allCases.first(where: { path.hasExactSuffix(".\($0.rawValue)") }) else {
            throw usage("--output: found \(path); allowed: a name that ends in .html, .json or .svg.")
        }
        return format
    }
}
