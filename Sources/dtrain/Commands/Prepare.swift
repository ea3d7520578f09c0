import Conversations
import Datasets
import Failures
import Files
import Preparation
import Reporting
import Resources
import Texts
import Tokenizers
import Watching

extension Command {
    static let prepare = Command(
        name: "prepare", summary: "prepare a dataset from texts, records or images",
        options: [
            .list("text", .file, "UTF-8 texts, joined by line breaks"),
            .flag("separate-documents", "each --text is a document, with an end token"),
            .list("jsonl", .file, "documents: a JSON object per line, text in --field")
                .withNext("a JSON object per line; member with its text"),
            .one("field", "NAME", "member of --jsonl that has the text (default text)"),
            .list("parallel", ValueKind("SOURCE TARGET", .files), "line n of TARGET translates line n of SOURCE"),
            .list("labelled", .file, "LABEL, tab, TEXT, or JSON objects, per line"),
            .list("chat", .file, "conversations, JSON: {\"messages\": …}, or prompt and completion")
                .withNext("conversations (JSON); their chat template"),
            .one("template", .file, "with --chat: name or file of the chat template (default: the tokenizer's)"),
            .one(
                "labels", .choice(of: LabelDescription.Kind.self, "KIND"),
                "class, multi or number (default: detected)"),
            .list("images", ValueKind("PATH", .files), "a folder of PNGs per class, or MNIST's files"),
            .one(
                "tokenizer", ValueKind("KIND", words: ["byte", "bpe:", "unigram:", "bytebpe:", "word:"], .files),
                "byte, bpe:SIZE, unigram:SIZE, bytebpe:SIZE, word:SIZE, or a tokenizer's FILE"),
            .one("coverage", "X", "share of characters with tokens (0.9995)"),
            .one("output", .directory, "directory to write the dataset to"),
            .list("validation", .file, "validation files in the same format"),
            .one(
                "validation-fraction", "X",
                "held out: end of each text, every n-th record (default 0.1)"),
            .one(
                "empty", .choice(of: EmptyRecords.self),
                "empty records (default: error; JSON: skip)"),
            .threads(help: "threads that encode (default auto: all cores)"),
        ],
        endsOnRequest: true,
        example: "dtrain prepare --parallel a.en a.fr --tokenizer bpe:8000 --output data/en-fr"
    ) { arguments, session in
        _ = try session.communicator.onFirstRank { () throws(Failure) in
            try prepareDataset(arguments, session.console)
            return ""
        }
        return .finished
    }
}

private func prepareDataset(_ arguments: Arguments, _ console: Console) throws(Failure) {
    let source = try source(arguments)
    let threads = try arguments.threads()
    var preparation = DatasetPreparation(source, output: "", tokenizer: try tokenizer(arguments, source))
    if case .records(.chat, _) = source {
        preparation.chatTemplate = try chatTemplate(arguments, preparation.tokenizer)
    }
    if case .file(let path) = preparation.tokenizer {
        preparation.tokenizer = .made(try existingTokenizer(path, console))
    }
    preparation.output = try arguments.required("output")
    preparation.validation = try heldOut(arguments)
    preparation.validationFraction = try arguments.real("validation-fraction", in: 0...0.9, default: 0.1)
    preparation.separatesDocuments = arguments.has("separate-documents")
    preparation.empty = try emptyRecords(arguments, source)
    try ComputeThreads.startAlone(threads)
    let manifest = try preparation.run(
        progress: { done, total in
            console.draw(
                "preparing: \(grouped(done >> 10)) of \(grouped(total >> 10)) KiB, \(100 * done / max(total, 1)) %")
        }, note: { console.draw($0) },
        remark: { console.say($0) }, shouldStop: StopRequest.isPending)
    console.say("\(preparation.output): \(summary(manifest))")
    // The suggested configuration is for models of text.
    guard manifest.kind == .text else { return }
    let name = preparation.output.exactParts(at: "/", omittingEmpty: true).last ?? "try"
    console.say(
        "train on it: mpirun -np 4 dtrain --config configs/nano.yaml --set "
            + shellWord("data.directory=\(preparation.output)") + " --output "
            + shellWord("runs/\(name)"))
}

/// The chat template that `--template` names, or that of the tokenizer or checkpoint; nil if it has none.
private func chatTemplate(_ arguments: Arguments, _ tokenizer: TokenizerChoice) throws(Failure) -> ChatTemplate? {
    if let name = arguments.value("template") { return try ChatTemplate.named(name) }
    guard case .file(let path) = tokenizer else { return nil }
    return try existingChatTemplate(path)
}

/// The source of the records: exactly one of six options, with the options that belong to it.
private func source(_ arguments: Arguments) throws(Failure) -> DatasetPreparation.Source {
    let names = ["text", "jsonl", "parallel", "labelled", "chat", "images"]
    let given = names.filter(arguments.has)
    guard given.count == 1, let name = given.first else {
        let list = names.map { "--\($0)" }.joined(separator: ", ")
        throw arguments.usage(
            given.isEmpty
                ? "found no source; exactly one of \(list) is required."
                : "found \(given.map { "--\($0)" }.joined(separator: " and ")); exactly one of \(list) is required.")
    }
    for (option, owner) in [
        ("field", "jsonl"), ("labels", "labelled"), ("template", "chat"), ("separate-documents", "text"),
    ]
    where arguments.has(option) && name != owner {
        throw arguments.usage("--\(option) belongs to --\(owner), not to --\(name).")
    }
    let files = arguments.list(name)
    switch name {
    case "text": return .text(files)
    case "jsonl": return .records(.documents(field: try arguments.text("field") ?? "text"), files)
    case "parallel": return .records(.parallel, files)
    case "chat": return .records(.chat, files)
    case "labelled":
        return .records(.labelled(try arguments.choice("labels")), files)
    default: return .images(files)
    }
}

private func tokenizer(
    _ arguments: Arguments, _ source: DatasetPreparation.Source
) throws(Failure) -> TokenizerChoice {
    if case .images = source {
        guard !arguments.has("tokenizer") else {
            throw arguments.usage("--tokenizer applies to text only; omit it with --images.")
        }
        return .byte
    }
    do throws(Failure) {
        let choice = try TokenizerChoice(parsing: try arguments.required("tokenizer"))
        guard arguments.has("coverage") else { return choice }
        guard case .learned(let algorithm, let size, _) = choice else {
            throw arguments.usage(
                "--coverage requires a tokenizer that is learned: --tokenizer bpe:SIZE or unigram:SIZE.")
        }
        let coverage = try arguments.real("coverage", in: 0...1, default: 0.9995)
        guard coverage > 0 else {
            throw arguments.usage(
                "--coverage: found 0; allowed: a number above 0, up to 1. For bytes alone: --tokenizer byte.")
        }
        return .learned(algorithm, size: size, coverage: coverage)
    } catch {
        throw error.message.hasExactPrefix("prepare") ? error : arguments.usage(error.message)
    }
}

/// The treatment of records without text; nil: the default of the source.
private func emptyRecords(
    _ arguments: Arguments, _ source: DatasetPreparation.Source
) throws(Failure) -> EmptyRecords? {
    if case .images = source, arguments.has("empty") {
        throw arguments.usage("--empty applies to text only; omit it with --images.")
    }
    return try arguments.choice("empty")
}

private func heldOut(_ arguments: Arguments) throws(Failure) -> [String] {
    let files = arguments.list("validation")
    if files.count == 1, Double(files[0]) != nil, !FileSystem.exists(files[0]) {
        throw arguments.usage("--validation takes files; for a fraction, use --validation-fraction \(files[0]).")
    }
    guard files.isEmpty || !arguments.has("validation-fraction") else {
        throw arguments.usage("--validation and --validation-fraction cannot be combined.")
    }
    return files
}

/// A summary of the dataset.
private func summary(_ manifest: DatasetManifest) -> String {
    let counts = Split.allCases.map { split in
        let tokens = manifest.splits[split].reduce(0) { $0 + $1.tokens }
        let records = (manifest.records?[split] ?? []).reduce(0) { $0 + $1.count }
        return "\(grouped(manifest.kind == .text ? tokens : records)) \(split.rawValue)"
    }
    let what = [DatasetKind.text: "tokens", .images: "images"][manifest.kind] ?? "records"
    var parts = ["\(counts.joined(separator: " and ")) \(what)"]
    if let labels = manifest.labels {
        parts.append(labels.kind == .number ? "labels are numbers" : counted(labels.names.count, "class", "es"))
    }
    if let image = manifest.image { parts.append("\(image.height) × \(image.width) × \(image.channels)") }
    if manifest.kind != .images { parts.append("vocabulary \(manifest.vocabularySize)") }
    return parts.joined(separator: ", ")
}
