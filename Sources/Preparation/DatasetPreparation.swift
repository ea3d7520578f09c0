import Conversations
import Datasets
import Failures
import Files
import Texts
import Threads
import Tokenizers

/// Converts files to the shards and manifest of a dataset. Memory use does not depend on the size of the files.
///
/// Texts, records and images are read in order, encoded on all compute threads of the process (`ThreadPool.inOrder`),
/// and written in order. Neither the dataset nor the failure for bad input depends on the number of threads.
///
/// The end of each text, cut at a character boundary, or a fraction of the records is held out for validation.
package struct DatasetPreparation: Sendable {
    /// The input of a preparation.
    package enum Source: Equatable, Sendable {
        /// UTF-8 texts, concatenated in this order.
        case text([String])
        /// Files of records; for parallel records, the source and the target file.
        case records(RecordForm, [String])
        /// A directory of images, or a file of images and a file of labels: see `ImageSet`.
        case images([String])

        var paths: [String] {
            switch self {
            case .text(let paths), .records(_, let paths), .images(let paths): paths
            }
        }

        /// The same input in other files.
        func replacing(_ path: (String) -> String) -> Source {
            switch self {
            case .text(let paths): .text(paths.map(path))
            case .records(let form, let paths): .records(form, paths.map(path))
            case .images: self
            }
        }
    }

    /// The input for training.
    package var source: Source
    /// The input for validation, in the same format; if empty, a fraction of the source is held out.
    package var validation: [String] = []
    /// The dataset's directory.
    package var output: String
    /// The tokenizer; not used for images.
    package var tokenizer: TokenizerChoice
    /// The fraction to hold out if there are no validation files; 0: none.
    package var validationFraction = 0.1
    /// The treatment of empty records and texts; nil: empty JSON objects are skipped, others are errors.
    package var empty: EmptyRecords?
    /// The template of conversations; nil: that of ChatML.
    package var chatTemplate: ChatTemplate?
    /// Whether each text is a document that ends with the tokenizer's end-of-text token.
    package var separatesDocuments = false
    /// The maximum number of tokens of a text shard; a record shard is full when it has at least as many.
    package var tokensPerShard = 100_000_000
    /// The number of bytes to read at a time, and to encode at once.
    var chunkBytes = 1 << 18
    /// The threads that encode.
    var pool = ThreadPool.shared
    /// The maximum number of bytes of text on which a tokenizer is trained.
    var sampleBytes = TextSample.limitBytes

    /// Remarks for the user at the end.
    let remarks = PreparationRemarks()
    /// The changes that a foreign tokenizer makes to the texts.
    let changes = TextChanges()

    /// A preparation of `source` in the directory `output`.
    package init(_ source: Source, output: String, tokenizer: TokenizerChoice = .byte) {
        self.source = source
        self.output = output
        self.tokenizer = tokenizer
    }

    /// A preparation of `texts` in the directory `output`.
    package init(texts: [String], output: String, tokenizer: any Tokenizer = ByteTokenizer()) {
        self.init(.text(texts), output: output, tokenizer: .made(tokenizer))
    }

    /// Prepares the dataset.
    ///
    /// The manifest is written last: until then, and after a crash, the directory contains no dataset, and the same
    /// command can be run again. After an error, everything that was written is removed.
    ///
    /// - Parameters:
    ///   - progress: Called about ten times per second, and at the end.
    ///   - note: Called before a long operation without progress reports.
    ///   - remark: Called at the end with remarks for the user, for example about text that the tokenizer changes, or
    ///     about records that were skipped.
    ///   - shouldStop: Whether to stop; called before every chunk.
    /// - Returns: The manifest.
    /// - Throws: `usage` if the output contains a dataset or is being prepared, or the tokenizer cannot be trained;
    ///   `badData` for a file that is missing, empty or malformed; `inputOutput` if writing fails; `stopped` after
    ///   `shouldStop`.
    package func run(
        progress: (_ bytesDone: Int, _ bytesTotal: Int) -> Void = { _, _ in },
        note: (String) -> Void = { _ in },
        remark: (String) -> Void = { _ in },
        shouldStop: () -> Bool = { false }
    ) throws(Failure) -> DatasetManifest {
        try checkParameters()
        // Checks that all files exist before anything is written.
        let inputs = try inputFiles()
        var meter = ProgressMeter(total: inputs.reduce(0) { $0 + $1.bytes })
        let skipped = SkippedRecords()
        let directory = try PreparationDirectory.claim(output)
        var manifest: DatasetManifest
        func proceed(_ bytes: Int) throws(Failure) {
            if shouldStop() {
                throw Failure(
                    .stopped, "\(output): asked to stop; nothing is prepared. Start the same command again.")
            }
            if bytes > 0 { meter.advance(by: bytes, progress) }
        }
        do throws(Failure) {
            let unpacked = try unpackedInputs(note, proceed)
            do throws(Failure) {
                var plain = self
                plain.source = source.replacing(unpacked.path)
                if !isOfImages { plain.validation = validation.map(unpacked.path) }
                manifest = try plain.writeDataset(note, skipped, proceed)
            } catch {
                throw unpacked.naming(error)
            }
            try unpacked.remove()
            manifest.sources = inputs
            try manifest.write(to: output)
        } catch {
            // The original error is more useful than one during cleanup.
            try? directory.discard()
            throw error
        }
        try directory.complete()
        for text in remarks.all + [changes.remark, skipped.remark].compactMap(\.self) { remark(text) }
        return manifest
    }

    private var isOfImages: Bool { if case .images = source { true } else { false } }

    private func unpackedInputs(_ note: (String) -> Void, _ proceed: Checkpoint) throws(Failure) -> UnpackedInputs {
        let inputs = isOfImages ? [] : source.paths + validation
        if let first = inputs.first(where: UnpackedInputs.isPacked) {
            note(first.exact == UnpackedInputs.standardInput.exact ? "reading standard input" : "unpacking \(first)")
        }
        return try UnpackedInputs(inputs, in: output, proceed)
    }

    /// Called regularly with the number of bytes processed since the last call; throws to stop the preparation.
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
                    .usage, "--\(name): found \(counted(files.count, "file")); a SOURCE and its TARGET are required.")
            }
        }
        guard (0..<1).contains(validationFraction) else {
            throw Failure(
                .usage, "The validation fraction is \(validationFraction); allowed: from 0 to below 1.")
        }
        guard (1...TokenShardFormat.maximumTokenCount).contains(tokensPerShard) else {
            throw Failure(
                .usage,
                "\(tokensPerShard) tokens per shard; allowed: 1 to \(TokenShardFormat.maximumTokenCount).")
        }
    }

    private func inputFiles() throws(Failure) -> [DatasetManifest.Source] {
        var inputs: [DatasetManifest.Source] = []
        for path in source.paths + validation {
            inputs.append(.init(file: FileName.last(of: path), bytes: try byteCount(of: path)))
        }
        return inputs
    }

    /// The size of an input in bytes; 0 for a directory of images.
    private func byteCount(of path: String) throws(Failure) -> Int {
        guard isOfImages else {
            if path.exact == UnpackedInputs.standardInput.exact { return 0 }
            return UnpackedInputs.isPacked(path)
                ? try File(path, .read).size() : try TextReader(path, allowsEmpty: empty == .skip).byteCount
        }
        if FileSystem.isDirectory(path) { return 0 }
        let byteCount = try File(path, .read).size()
        guard byteCount > 0 else { throw Failure(.badData, "\(path): is empty; images or their labels are needed.") }
        return byteCount
    }
}

/// Counts the empty records or texts that a preparation has skipped.
final class SkippedRecords {
    private var count = 0
    /// The location of the first.
    private var first = ""

    /// Their number and the location of the first, for the user; nil if there are none.
    var remark: String? {
        count == 0 ? nil : "skipped \(counted(count, "record")) without text, the first at \(first)"
    }

    /// Adds `more` skipped records, the first of them at `place`.
    func add(_ more: Int, _ place: String) {
        if count == 0 { first = place }
        count += more
    }
}
