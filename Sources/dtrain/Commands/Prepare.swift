import Collectives
import Datasets
import Failures
import Files
import Training

extension Command {
    static let prepare = Command(
        name: "prepare", summary: "turn texts into a dataset of tokens",
        options: [
            .list("text", "FILE", "UTF-8 texts, of any size"),
            .one("tokenizer", "byte", "how text becomes tokens; byte: one token a byte"),
            .one("output", "DIR", "the directory that becomes the dataset"),
            .one("validation", "FRACTION", "the end of each text that is held out (default 0.1)"),
        ],
        endsOnRequest: true,
        example: "dtrain prepare --text book.txt --tokenizer byte --output data/book"
    ) { arguments, session in
        _ = try session.communicator.onFirstRank { () throws(Failure) in
            try prepareDataset(arguments, session.console)
            return ""
        }
        return .finished
    }
}

private func prepareDataset(_ arguments: Arguments, _ console: Console) throws(Failure) {
    let texts = arguments.list("text")
    guard !texts.isEmpty else { throw arguments.usage("--text is missing.") }
    let kind = try arguments.required("tokenizer")
    guard kind == "byte" else { throw arguments.usage("--tokenizer: found \(kind); allowed: byte.") }
    let output = try arguments.required("output")
    var preparation = DatasetPreparation(texts: texts, output: output)
    preparation.validationFraction = try arguments.real("validation", in: 0...0.9, default: 0.1)
    let manifest = try preparation.run(
        progress: { done, total in
            console.draw(
                "preparing: \(grouped(done >> 10)) of \(grouped(total >> 10)) KiB, \(100 * done / max(total, 1)) %")
        }, shouldStop: StopRequest.isPending)
    let counts = Split.allCases.map { split in
        "\(grouped(manifest.splits[split].reduce(0) { $0 + $1.tokens })) \(split.rawValue)"
    }
    console.say("\(output): \(counts.joined(separator: " and ")) tokens, vocabulary \(manifest.vocabularySize)")
    console.say("train on it: mpirun -np 4 dtrain --config configs/nano.yaml --set data.directory=\(output)")
}
