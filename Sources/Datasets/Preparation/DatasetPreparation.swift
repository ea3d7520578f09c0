import Failures
import Files

/// Turns files into the shards and the manifest of a dataset. Memory does not grow with the files.
///
/// What is held out for validation is the end of each text, cut at a character, or every n-th record.
package struct DatasetPreparation: Sendable {
    /// What a dataset is made from.
    package enum Source: Equatable, Sendable {
        /// UTF-8 texts, in the order in which their tokens follow one another.
        case text([String])
        /// Files of records; for parallel ones the source and the target.
        case records(RecordForm, [String])
        /// A directory of images, or a file of images and one of labels: see `ImageSet`.
        case images([String])

        var paths: [String] {
            switch self {
            case .text(let paths), .records(_, let paths), .images(let paths): paths
            }
        }
    }

    /// What it is made from.
    package var source: Source
    /// The files of the same form that are held out; where there are none, a fraction of the source is.
    package var validation: [String] = []
    /// The directory that becomes the dataset.
    package var output: String
    /// What turns text into tokens; images have none.
    package var tokenizer: TokenizerChoice
    /// The part that is held out where no files are; 0 for none.
    package var validationFraction = 0.1
    /// What becomes of records without text, and of texts; nil skips objects in JSON lines, and refuses the others.
    package var empty: EmptyRecords?
    /// Whether each text is a document, which ends with the tokenizer's token for that.
    package var separatesDocuments = false
    /// The most tokens that a shard of text may have, and with which a shard of records is full.
    package var tokensPerShard = 100_000_000
    /// Bytes that are read at a time.
    var chunkBytes = 1 << 20
    /// Bytes of text that a tokenizer is learned from at most.
    var sampleBytes = TextSample.limitBytes

    /// What is said at the end.
    let remarks = PreparationRemarks()
    /// What a tokenizer of another program does to the texts.
    let changes = TextChanges()

    /// The preparation of `source` in the directory `output`.
    package init(_ source: Source, output: String, tokenizer: TokenizerChoice = .byte) {
        self.source = source
        self.output = output
        self.tokenizer = tokenizer
    }

    /// The preparation of `texts` in the directory `output`.
    package init(texts: [String], output: String, tokenizer: any Tokenizer = ByteTokenizer()) {
        self.init(.text(texts), output: output, tokenizer: .made(tokenizer))
    }

    /// Prepares the dataset.
    ///
    /// The manifest is written last: until then, and after a crash, the directory holds no dataset, and the same
    /// preparation starts over. A failure removes what was written.
    ///
    /// - Parameters:
    ///   - progress: Called about ten times a second, and at the end.
    ///   - note: Called before what takes long and shows no progress.
    ///   - skipped: Called at the end where records without text were left out: how many, and the place of the first.
    ///   - remark: Called at the end with what a person should know of the dataset, such as what its tokenizer changes.
    ///   - shouldStop: Asked before every chunk.
    /// - Returns: The manifest.
    /// - Throws: `usage` for an output that holds a dataset or is being prepared, or a tokenizer that cannot be learned;
    ///   `badData` for a file that is missing, empty or not of its form; `inputOutput` where writing fails; `stopped`
    ///   after `shouldStop`.
    package func run(
        progress: (_ bytesDone: Int, _ bytesTotal: Int) -> Void = { _, _ in },
        note: (String) -> Void = { _ in },
        skipped: (_ count: Int, _ first: String) -> Void = { _, _ in },
        remark: (String) -> Void = { _ in },
        shouldStop: () -> Bool = { false }
    ) throws(Failure) -> DatasetManifest {
        try checkParameters()
        // Before anything is written: all files are there.
        let inputs = try inputFiles()
        var meter = ProgressMeter(total: inputs.reduce(0) { $0 + $1.bytes })
        let skippedRecords = SkippedRecords()
        let directory = try PreparationDirectory.claim(output)
        var manifest: DatasetManifest
        do throws(Failure) {
            manifest = try writeDataset(note, skippedRecords) { bytes throws(Failure) in
                if shouldStop() {
                    throw Failure(
                        .stopped, "\(output): asked to stop; nothing is prepared. Start the same command again.")
                }
                if bytes > 0 { meter.advance(by: bytes, progress) }
            }
            manifest.sources = inputs
            try manifest.write(to: output)
        } catch {
            // The failure that led here says more than one to clean up.
            try? directory.discard()
            throw error
        }
        try directory.complete()
        if skippedRecords.count > 0 { skipped(skippedRecords.count, skippedRecords.first) }
        for text in remarks.all + [changes.remark].compactMap(\.self) { remark(text) }
        return manifest
    }

    /// Called now and then with the number of bytes done since the last call; throws where the preparation is to stop.
    typealias Checkpoint = (_ bytes: Int) throws(Failure) -> Void

    private func writeDataset(
        _ note: (String) -> Void, _ skipped: SkippedRecords, _ proceed: Checkpoint
    ) throws(Failure) -> DatasetManifest {
        switch source {
        case .text(let paths): try writeTexts(paths, note, skipped, proceed)
        case .records(let form, let paths): try writeRecords(form, paths, note, skipped, proceed)
        case .images(let paths): try writeImages(paths, proceed)
        }
    }

    private func checkParameters() throws(Failure) {
        guard !source.paths.isEmpty else {
            throw Failure(.usage, "No text to prepare; name at least one UTF-8 file: --text FILE.")
        }
        if case .records(.parallel, let paths) = source {
            for (files, name) in [(paths, "parallel"), (validation, "validation")] where files.count != 2 {
                if name == "validation" && files.isEmpty { continue }
                throw Failure(
                    .usage, "--\(name): found \(files.count) files; a SOURCE and its TARGET are needed.")
            }
        }
        guard (0..<1).contains(validationFraction) else {
            throw Failure(
                .usage, "The validation fraction is \(validationFraction); from 0 to less than 1 are allowed.")
        }
        guard (1...TokenShardFormat.maximumTokenCount).contains(tokensPerShard) else {
            throw Failure(
                .usage,
                "\(tokensPerShard) tokens a shard; from 1 to \(TokenShardFormat.maximumTokenCount) are allowed.")
        }
    }

    private func inputFiles() throws(Failure) -> [DatasetManifest.Source] {
        var inputs: [DatasetManifest.Source] = []
        for path in source.paths + validation {
            inputs.append(.init(file: FileName.last(of: path), bytes: try byteCount(of: path)))
        }
        return inputs
    }

    /// The size of an input; 0 for a directory of images.
    private func byteCount(of path: String) throws(Failure) -> Int {
        guard case .images = source else { return try TextReader(path, allowsEmpty: empty == .skip).byteCount }
        if FileSystem.isDirectory(path) { return 0 }
        let byteCount = try File(path, .read).size()
        guard byteCount > 0 else { throw Failure(.badData, "\(path): is empty; images or their labels are needed.") }
        return byteCount
    }
}

/// The records, or texts, without text that a preparation has left out.
final class SkippedRecords {
    private(set) var count = 0
    /// The place of the first.
    private(set) var first = ""

    /// Adds some, the first of them at `place`.
    func add(_ more: Int, _ place: String) {
        if count == 0 { first = place }
        count += more
    }
}
