import Datasets
import Failures
import Files
import Tokenizers

extension DatasetPreparation {
    /// Writes the texts as one token stream with separators between them.
    ///
    /// If each text is a document, its part in each split ends with the tokenizer's end-of-text token. Otherwise texts
    /// are concatenated; after a text that does not end with a line break, one is inserted.
    func writeTexts(
        _ paths: [String], _ note: (String) -> Void, _ skipped: SkippedRecords, _ proceed: Checkpoint
    ) throws(Failure) -> DatasetManifest {
        // The last `fraction` of each file is held out.
        let fraction = validation.isEmpty ? validationFraction : 0
        let (tokenizer, model) = try chosenTokenizer(hasSpecialTokens: separatesDocuments, note) { () throws(Failure) in
            try textSample(paths, fraction, proceed)
        }
        guard tokenizer.specialTokens.eos != nil || !separatesDocuments else {
            throw Failure(.usage, "Documents need a tokenizer with an end-of-text token (eos).")
        }
        let format = TokenShardFormat(vocabularySize: tokenizer.vocabularySize)
        let lineBreak = try tokenizer.encode("\n")
        func split(_ split: Split) -> TextSplitWriter {
            TextSplitWriter(
                SplitWriter(directory: output, split: split, format: format, tokensPerShard: tokensPerShard),
                documentEnd: separatesDocuments ? tokenizer.specialTokens.eos : nil, lineBreak: lineBreak)
        }
        var train = split(.train)
        var heldOut = split(.validation)
        var chunks = TextChunks(
            paths.map { ($0, false) } + validation.map { ($0, true) }, heldOut: fraction, tokenizer,
            chunkBytes: chunkBytes)
        try pool.inOrder {
            () throws(Failure) in
            try chunks.next()
        } process: { chunk throws(Failure) in
            (chunk, tokens: try chunk.tokens(tokenizer))
        } take: { (chunk, tokens) throws(Failure) in
            if chunk.isEmptyFile {
                // Empty files were already rejected, unless they are to be skipped.
                skipped.add(1, chunk.path)
            } else {
                switch chunk.split {
                case .train: try train.append(tokens, of: chunk)
                case .validation: try heldOut.append(tokens, of: chunk)
                }
            }
            try proceed(chunk.bytesRead)
        }
        let splits = DatasetManifest.Splits(train: try train.finish(), validation: try heldOut.finish())
        guard !splits.train.isEmpty else {
            throw Failure(
                .badData,
                "\(paths.joined(separator: ", ")): the tokenizer produces no training tokens from it; more text is required."
            )
        }
        return manifest(splits, tokenizer, model)
    }

    /// The manifest of a token stream.
    func manifest(
        _ splits: DatasetManifest.Splits<DatasetManifest.Shard>, _ tokenizer: any Tokenizer, _ model: RecordedFile?
    ) -> DatasetManifest {
        DatasetManifest(
            kind: .text, tokenizer: tokenizer.description, tokenizerModel: model,
            vocabularySize: tokenizer.vocabularySize, splits: splits, sources: [])
    }

    private func textSample(
        _ paths: [String], _ fraction: Double, _ proceed: Checkpoint
    ) throws(Failure) -> TextSample {
        var total = 0
        for path in paths { total += try TextReader(path, allowsEmpty: true).byteCount }
        var sample = tokenizer.sample(totalBytes: total, limitBytes: sampleBytes)
        for path in paths {
            var text = try TextStream(path, chunkBytes: chunkBytes)
            try text.read(to: text.start(ofLast: fraction)) { held, isLast throws(Failure) in
                try proceed(0)
                let taken = isLast ? held.count : DatasetPreparation.wholeLines(held)
                sample.append(UnsafeRawBufferPointer(rebasing: held[..<taken]))
                return taken
            }
        }
        return sample
    }

    /// The number of bytes up to the last line break in `bytes`; without one, up to the last space; without one, up to
    /// the last character boundary.
    private static func wholeLines(_ bytes: UnsafeRawBufferPointer) -> Int {
        if let end = bytes.lastIndex(of: UInt8(ascii: "\n")) ?? bytes.lastIndex(of: UInt8(ascii: " ")) {
            return end + 1
        }
        return bytes.lastIndex { $0 & 0xC0 != 0x80 } ?? bytes.count
    }
}

/// Writes the parts of the texts that belong to one split.
private struct TextSplitWriter: ~Copyable {
    private var writer: SplitWriter
    private let documentEnd: Int32?
    private let lineBreak: [Int32]
    /// Whether the current part of a text has no tokens so far.
    private var isEmpty = true
    /// Whether a line break must be inserted before the next text.
    private var lacksLineBreak = false

    init(_ writer: consuming SplitWriter, documentEnd: Int32?, lineBreak: [Int32]) {
        self.writer = writer
        self.documentEnd = documentEnd
        self.lineBreak = lineBreak
    }

    /// Appends the tokens of the next chunk.
    mutating func append(_ tokens: [Int32], of chunk: TextChunk) throws(Failure) {
        if isEmpty, !tokens.isEmpty {
            isEmpty = false
            if lacksLineBreak { try writer.append(lineBreak[...]) }
        }
        try writer.append(tokens[...])
        guard chunk.isLast else { return }
        defer { isEmpty = true }
        if isEmpty { return }
        if let documentEnd { return try writer.append([documentEnd]) }
        lacksLineBreak = chunk.lacksLineBreak
    }

    consuming func finish() throws(Failure) -> [DatasetManifest.Shard] { try writer.finish() }
}
