import Collectives
import Datasets
import Failures
import Files
import Kernels
import Metrics
import Preparation
import Reporting
import Texts
import Tokenizers
import Training
import Watching

extension Command {
    static let prepare = Command(
        name: "prepare", summary: "turn texts, records or images into a dataset",
        options: [
            .list("text", "FILE", "UTF-8 texts, of any size, a line break between them where one does not end with it"),
            .flag("separate-documents", "each --text is a document and ends with the tokenizer's token for that"),
            .list("jsonl", "FILE", "documents: a JSON object a line, its text in --field"),
            .one("field", "NAME", "the name of the text in --jsonl (default text)"),
            .list("parallel", "SOURCE TARGET", "two texts; line n of one is the translation of line n of the other"),
            .list("labelled", "FILE", "LABEL, a tab and TEXT a line, or a JSON object with text and label"),
            .one("labels", "KIND", "class, multi (a list; in TSV between commas) or number; default: as found"),
            .list("images", "PATH", "a directory with a folder of PNG a class, or MNIST's two files"),
            .one("tokenizer", "KIND", "byte, bpe:SIZE, unigram:SIZE, or a FILE.model of SentencePiece"),
            .one("coverage", "X", "share of the text whose characters get tokens; rarer ones are bytes (0.9995)"),
            .one("output", "DIR", "the directory that becomes the dataset"),
            .list("validation", "FILE", "files of the same form that are held out"),
            .one("validation-fraction", "X", "or what is held out: the end of each text, every n-th record (0.1)"),
            .one(
                "empty", "skip|error",
                "records without text: skip (default in JSON lines) leaves them out, and counts them"),
        ],
        endsOnRequest: true,
        example: "dtrain prepare --parallel train.en train.fr --validation val.en val.fr --tokenizer bpe:8000 "
            + "--output data/en-fr"
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
    var preparation = DatasetPreparation(source, output: "", tokenizer: try tokenizer(arguments, source))
    preparation.output = try arguments.required("output")
    preparation.validation = try heldOut(arguments)
    preparation.validationFraction = try arguments.real("validation-fraction", in: 0...0.9, default: 0.1)
    preparation.separatesDocuments = arguments.has("separate-documents")
    preparation.empty = try emptyRecords(arguments, source)
    var left = ""
    let manifest = try preparation.run(
        progress: { done, total in
            console.draw(
                "preparing: \(grouped(done >> 10)) of \(grouped(total >> 10)) KiB, \(100 * done / max(total, 1)) %")
        }, note: { console.draw($0) },
        skipped: { left = "; left out: \(grouped($0)) without text, the first at \($1)" },
        remark: { console.say($0) }, shouldStop: StopRequest.isPending)
    console.say("\(preparation.output): \(summary(manifest))\(left)")
    // A model of text is what the ready-made configuration trains.
    guard manifest.kind == .text else { return }
    console.say(
        "train on it: mpirun -np 4 dtrain --config configs/nano.yaml --set "
            + shellWord("data.directory=\(preparation.output)"))
}

/// What is prepared: one of five, with the options that belong to it.
private func source(_ arguments: Arguments) throws(Failure) -> DatasetPreparation.Source {
    let names = ["text", "jsonl", "parallel", "labelled", "images"]
    let given = names.filter(arguments.has)
    guard given.count == 1, let name = given.first else {
        let list = names.map { "--\($0)" }.joined(separator: ", ")
        throw arguments.usage(
            given.isEmpty
                ? "--text is missing, or another of \(list)."
                : "found \(given.map { "--\($0)" }.joined(separator: " and ")); one of \(list) is allowed.")
    }
    for (option, owner) in [("field", "jsonl"), ("labels", "labelled"), ("separate-documents", "text")]
    where arguments.has(option) && name != owner {
        throw arguments.usage("--\(option) belongs to --\(owner), not to --\(name).")
    }
    let files = arguments.list(name)
    switch name {
    case "text": return .text(files)
    case "jsonl": return .records(.documents(field: try arguments.text("field") ?? "text"), files)
    case "parallel": return .records(.parallel, files)
    case "labelled":
        guard let word = arguments.value("labels") else { return .records(.labelled(nil), files) }
        guard let kind = LabelDescription.Kind(rawValue: word) else {
            throw arguments.usage("--labels: found \(word); allowed: class, multi, number.")
        }
        return .records(.labelled(kind), files)
    default: return .images(files)
    }
}

private func tokenizer(
    _ arguments: Arguments, _ source: DatasetPreparation.Source
) throws(Failure) -> TokenizerChoice {
    if case .images = source {
        guard !arguments.has("tokenizer") else { throw arguments.usage("--images have no text, so no --tokenizer.") }
        return .byte
    }
    do throws(Failure) {
        let choice = try TokenizerChoice(parsing: try arguments.required("tokenizer"))
        guard arguments.has("coverage") else { return choice }
        guard case .learned(let algorithm, let size, _) = choice else {
            throw arguments.usage(
                "--coverage belongs to a tokenizer that is learned: --tokenizer bpe:SIZE or unigram:SIZE.")
        }
        return .learned(
            algorithm, size: size, coverage: try arguments.real("coverage", in: 0...1, default: 0.9995))
    } catch {
        throw error.message.hasExactPrefix("prepare") ? error : arguments.usage(error.message)
    }
}

/// What becomes of records without text; nil: as it is usual for them.
private func emptyRecords(
    _ arguments: Arguments, _ source: DatasetPreparation.Source
) throws(Failure) -> EmptyRecords? {
    guard let word = arguments.value("empty") else { return nil }
    if case .images = source { throw arguments.usage("--images have no text, so no --empty.") }
    guard let choice = EmptyRecords(rawValue: word) else {
        throw arguments.usage("--empty: found \(word); allowed: skip, error.")
    }
    return choice
}

private func heldOut(_ arguments: Arguments) throws(Failure) -> [String] {
    let files = arguments.list("validation")
    if files.count == 1, Double(files[0]) != nil, !FileSystem.exists(files[0]) {
        throw arguments.usage("--validation takes files; a fraction is --validation-fraction \(files[0]).")
    }
    guard files.isEmpty || !arguments.has("validation-fraction") else {
        throw arguments.usage("--validation and --validation-fraction exclude each other.")
    }
    return files
}

/// What was made, in half a line.
private func summary(_ manifest: DatasetManifest) -> String {
    let counts = Split.allCases.map { split in
        let tokens = manifest.splits[split].reduce(0) { $0 + $1.tokens }
        let records = (manifest.records?[split] ?? []).reduce(0) { $0 + $1.count }
        return "\(grouped(manifest.kind == .text ? tokens : records)) \(split.rawValue)"
    }
    let what = [DatasetKind.text: "tokens", .images: "images"][manifest.kind] ?? "records"
    var parts = ["\(counts.joined(separator: " and ")) \(what)"]
    if let labels = manifest.labels {
        parts.append(labels.kind == .number ? "labels are numbers" : "\(grouped(labels.names.count)) classes")
    }
    if let image = manifest.image { parts.append("\(image.height) × \(image.width) × \(image.channels)") }
    if manifest.kind != .images { parts.append("vocabulary \(manifest.vocabularySize)") }
    return parts.joined(separator: ", ")
}
