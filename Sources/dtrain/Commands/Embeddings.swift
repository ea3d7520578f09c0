import Failures
import Files
import Inference
import Interpretation
import Reporting
import Resources
import Texts

extension Command {
    static let embeddings = Command(
        name: "embeddings", summary: "look at token vectors: neighbours, analogies, projections",
        options: [
            .checkpoint,
            .one("near", "WORD", "print the nearest neighbours of a word"),
            .list("analogy", "A B C", "print words D: A is to B as C is to D"),
            .one("analogies", .file, "solve a file of analogies, four words a line"),
            .one("format", .choice(of: VectorFormat.self), "write all vectors (projector: into DIR)"),
            .one("project", .choice(of: ProjectionMethod.self), "write the vectors in few dimensions"),
            .one("dimensions", "2|3", "dimensions of --project (default 2)"),
            .one("input", .file, "write the vector of the text on each line"),
            .one("output", .file, "FILE.tsv, FILE.json, or DIR for the projector"),
            .one("count", "N", "neighbours (10) or projected tokens (1000)"),
            .one("seed", "N", "seed of the projection (default 1337)"),
            .flag("json", "print JSON"),
            .weights,
            .threads,
        ],
        example: "dtrain embeddings --checkpoint runs/stories --near king"
    ) { arguments, session in
        let task = try session.communicator.together { () throws(Failure) in try EmbeddingTask(arguments) }
        let directory = try session.communicator.onFirstRank { () throws(Failure) in
            try arguments.checkpointDirectory(session.console)
        }
        try ComputeThreads.start(try arguments.threads(), session.communicator, session.console)
        let lines = try session.communicator.onFirstRank { () throws(Failure) in
            try task.run(
                try TrainedModel.onOneRank(directory, try arguments.weights()), arguments, session.console)
        }
        if !lines.isEmpty { session.console.say(lines) }
        return .finished
    }
}

/// What `embeddings` does.
private enum EmbeddingTask {
    case near(String, count: Int)
    case analogy([String], count: Int)
    case analogies(String)
    case export(VectorFormat, output: String)
    case project(ProjectionMethod, dimensions: Int, count: Int, seed: UInt64, output: String)
    case texts(String, output: String)

    private static let names = ["near", "analogy", "analogies", "format", "project", "input"]

    /// The task that the options name.
    ///
    /// - Throws: `usage` if it is not exactly one.
    init(_ arguments: Arguments) throws(Failure) {
        _ = try arguments.required("checkpoint")
        _ = (try arguments.weights(), try arguments.threads())
        let given = EmbeddingTask.names.filter(arguments.has)
        let all = EmbeddingTask.names.map { "--\($0)" }.joined(separator: ", ")
        guard let name = given.first else { throw arguments.usage("found no task; one of \(all) is required.") }
        if given.count > 1 {
            throw arguments.usage("--\(given[0]) and --\(given[1]) cannot be combined; allowed: one of \(all).")
        }
        let writes = ["format", "project", "input"].contains(name)
        if arguments.has("output"), !writes {
            throw arguments.usage("--output belongs to --format, --project and --input.")
        }
        if arguments.has("json"), writes {
            throw arguments.usage("--json belongs to --near, --analogy and --analogies; name the output FILE.json.")
        }
        for option in ["dimensions", "seed"] where arguments.has(option) && name != "project" {
            throw arguments.usage("--\(option) belongs to --project.")
        }
        if arguments.has("count"), !["near", "analogy", "project"].contains(name) {
            throw arguments.usage("--count belongs to --near, --analogy and --project.")
        }
        let output = writes ? try arguments.required("output") : ""
        switch name {
        case "near":
            self = .near(
                try arguments.text("near") ?? "", count: try arguments.integer("count", in: 1...10_000, default: 10))
        case "analogy":
            let words = try arguments.texts("analogy")
            guard words.count == 3 else {
                throw arguments.usage("--analogy: found \(words.count) words; allowed: three, A B C.")
            }
            self = .analogy(words, count: try arguments.integer("count", in: 1...10_000, default: 10))
        case "analogies": self = .analogies(try arguments.required("analogies"))
        case "format":
            guard let format: VectorFormat = try arguments.choice("format") else { preconditionFailure("it is given") }
            self = .export(format, output: output)
        case "project":
            guard let method: ProjectionMethod = try arguments.choice("project") else {
                preconditionFailure("it is given")
            }
            self = .project(
                method, dimensions: try arguments.integer("dimensions", in: 2...3, default: 2),
                count: try arguments.integer("count", in: 4...10_000, default: 1000),
                seed: UInt64(try arguments.integer("seed", in: 0...Int.max, default: 1337)), output: output)
        default: self = .texts(try arguments.required("input"), output: output)
        }
    }

    /// Runs the task and returns the lines to print.
    func run(_ trained: TrainedModel, _ arguments: Arguments, _ console: Console) throws(Failure) -> String {
        let isJSON = arguments.has("json")
        switch self {
        case .near(let word, let count):
            let vectors = try TokenVectors(trained)
            return vectors.report(vectors.neighbours(of: try vectors.token(of: word), count: count), asJSON: isJSON)
        case .analogy(let words, let count):
            let vectors = try TokenVectors(trained)
            var tokens: [Int32] = []
            for word in words { tokens.append(try vectors.token(of: word)) }
            return vectors.report(vectors.analogies(tokens[0], tokens[1], tokens[2], count: count), asJSON: isJSON)
        case .analogies(let path):
            let file = try AnalogyFile(reading: path)
            return AnalogyScore.report(try TokenVectors(trained).scores(file), asJSON: isJSON)
        case .export(let format, let path):
            let isDirectory = format == .projector
            if isDirectory { _ = try FileSystem.makeDirectory(path) }
            let path = isDirectory ? "\(path)/\(TokenVectors.projectorFileName)" : path
            let file = try openOutput(path, trained, inputs: [])
            let vectors = try TokenVectors(trained)
            let namesPath = TokenVectors.namesPath(beside: path)
            let names = format == .word2vec ? nil : try openOutput(namesPath, trained, inputs: [])
            try file.begin()
            try names?.begin()
            try vectors.write(
                format, to: { lines throws(Failure) in try file.write(lines) },
                names: { lines throws(Failure) in try names?.write(lines) })
            try file.close()
            try names?.close()
            if isDirectory {
                let configurationPath = "\(FileSystem.parent(of: path))/\(TokenVectors.projectorConfigurationName)"
                let configuration = try openOutput(configurationPath, trained, inputs: [])
                try configuration.begin()
                try configuration.write(Array(vectors.projectorConfiguration.utf8))
                try configuration.close()
            }
            return "\(vectors.count) vectors of \(vectors.width) numbers (\(vectors.parameter)) written to \(path)"
                + (names == nil ? "" : ", their names to \(namesPath)")
        case .project(let method, let dimensions, let count, let seed, let path):
            let file = try openOutput(path, trained, inputs: [])
            let projection = try TokenVectors(trained).projection(
                method, dimensions: dimensions, limit: count, seed: seed)
            guard projection.names.count > dimensions + 1 else {
                throw Failure(
                    .usage,
                    "embeddings: --project: the vocabulary of \(trained.directory) has only \(projection.names.count) tokens "
                        + "with a letter; needed: at least \(dimensions + 2).")
            }
            try file.begin()
            try file.write(
                Array((path.hasExactSuffix(".json") ? projection.json.line + "\n" : projection.tsv).utf8))
            try file.close()
            return "\(projection.names.count) points of \(dimensions) dimensions written to \(path)"
        case .texts(let input, let path):
            let lines = try LineReader.lines(of: input)
            let file = try openOutput(path, trained, inputs: [input])
            let vectors = try TextEmbedding(trained, batch: 16).run(
                lines, .mean, crops: true, shouldStop: { console.isClosed }
            ) { Failure(.badData, "\(input):\($0 + 1): \($1)") }
            try file.begin()
            for (line, vector) in zip(lines, vectors) {
                let text =
                    path.hasExactSuffix(".json")
                    ? JSON.object([
                        .init("text", .string(line)), .init("vector", .array(vector.map { .number(Double($0)) })),
                    ]).line : vector.map { "\($0)" }.joined(separator: "\t")
                try file.write(Array("\(text)\n".utf8))
            }
            try file.close()
            return "\(vectors.count) vectors of \(trained.model.configuration.width) numbers written to \(path)"
        }
    }

    private func openOutput(_ path: String, _ trained: TrainedModel, inputs: [String]) throws(Failure) -> OutputFile {
        let file = try OutputFile(path, option: "embeddings: --output", inputs: inputs + [trained.directory])
        try file.refuseFilesOfOurs("embeddings: --output")
        return file
    }
}

extension TokenVectors {
    /// Neighbours as lines, or as one JSON array.
    fileprivate func report(_ neighbours: [Neighbour], asJSON: Bool) -> String {
        if asJSON {
            return JSON.array(
                neighbours.map { ["token": .string(names[$0.token]), "similarity": .number($0.similarity)] }
            ).printedLine
        }
        return aligned(neighbours.map { [names[$0.token], fixed($0.similarity, 4)] })
    }
}

extension AnalogyScore {
    /// Scores as a table, or as one JSON array.
    fileprivate static func report(_ scores: [AnalogyScore], asJSON: Bool) -> String {
        if asJSON {
            return JSON.array(
                scores.map {
                    [
                        "section": .string($0.section), "questions": .integer($0.questions),
                        "known": .integer($0.known),
                        "correct": .integer($0.correct), "accuracy": .number($0.accuracy),
                    ]
                }
            ).printedLine
        }
        return aligned(
            [["section", "questions", "known", "correct", "accuracy"]]
                + scores.map {
                    [$0.section, "\($0.questions)", "\($0.known)", "\($0.correct)", fixed($0.accuracy, 4)]
                })
    }
}
