import Failures
import Files

/// Turns texts into the shards and the manifest of a dataset.
///
/// The validation split is the end of each text, cut at a character, so that it is held-out text of the same kind.
package struct DatasetPreparation: Sendable {
    /// The texts, in the order in which their tokens follow one another.
    package var texts: [String]
    /// The directory that becomes the dataset.
    package var output: String
    /// What turns the texts into tokens.
    package var tokenizer: any Tokenizer
    /// The part of each text, by bytes and from its end, that is held out; 0 for none.
    package var validationFraction = 0.1
    /// The most tokens that a shard may have.
    package var tokensPerShard = 100_000_000
    /// Bytes that are read at a time.
    var chunkBytes = 1 << 20

    /// The preparation of `texts` in the directory `output`.
    package init(texts: [String], output: String, tokenizer: any Tokenizer = ByteTokenizer()) {
        self.texts = texts
        self.output = output
        self.tokenizer = tokenizer
    }

    /// Prepares the dataset.
    ///
    /// The manifest is written last: until then, and after a crash, the directory holds no dataset, and the same
    /// preparation starts over. A failure removes what was written.
    ///
    /// - Parameters:
    ///   - progress: Called about ten times a second, and at the end.
    ///   - shouldStop: Asked before every chunk.
    /// - Returns: The manifest.
    /// - Throws: `usage` for an output that holds a dataset or is being prepared; `badData` for a text that is
    ///   missing, empty or not UTF-8; `inputOutput` where writing fails; `stopped` after `shouldStop`.
    package func run(
        progress: (_ bytesDone: Int, _ bytesTotal: Int) -> Void = { _, _ in },
        shouldStop: () -> Bool = { false }
    ) throws(Failure) -> DatasetManifest {
        try checkParameters()
        // Before anything is written: all texts are there.
        var sources: [DatasetManifest.Source] = []
        for text in texts {
            let reader = try TextReader(text, tokenizer: tokenizer, chunkBytes: chunkBytes)
            sources.append(.init(file: FileName.last(of: text), bytes: reader.byteCount))
        }
        var meter = ProgressMeter(total: sources.reduce(0) { $0 + $1.bytes })

        let directory = try PreparationDirectory(claiming: output)
        let manifest: DatasetManifest
        do throws(Failure) {
            let splits = try writeShards { bytes throws(Failure) in
                if shouldStop() {
                    throw Failure(
                        .stopped, "\(output): asked to stop; nothing is prepared. Start the same command again.")
                }
                meter.advance(by: bytes, progress)
            }
            manifest = DatasetManifest(
                tokenizer: tokenizer.description, vocabularySize: tokenizer.vocabularySize, splits: splits,
                sources: sources)
            try manifest.write(to: output)
        } catch {
            // The failure that led here says more than one to clean up.
            try? directory.discard()
            throw error
        }
        try directory.complete()
        return manifest
    }

    private func checkParameters() throws(Failure) {
        guard !texts.isEmpty else {
            throw Failure(.usage, "No text to prepare; name at least one UTF-8 file: --text FILE.")
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

    private func writeShards(
        afterChunk: (_ bytes: Int) throws(Failure) -> Void
    ) throws(Failure) -> DatasetManifest.Splits {
        let format = TokenShardFormat(vocabularySize: tokenizer.vocabularySize)
        var train = SplitWriter(directory: output, split: .train, format: format, tokensPerShard: tokensPerShard)
        var validation = SplitWriter(
            directory: output, split: .validation, format: format, tokensPerShard: tokensPerShard)
        for text in texts {
            var reader = try TextReader(text, tokenizer: tokenizer, chunkBytes: chunkBytes)
            let heldOut = Int(Double(reader.byteCount) * validationFraction)
            let cut = try reader.characterBoundary(from: reader.byteCount - heldOut)
            try reader.readTokens(in: 0..<cut) { tokens, bytes throws(Failure) in
                try train.append(tokens)
                try afterChunk(bytes)
            }
            try reader.readTokens(in: cut..<reader.byteCount) { tokens, bytes throws(Failure) in
                try validation.append(tokens)
                try afterChunk(bytes)
            }
        }
        let splits = DatasetManifest.Splits(train: try train.finish(), validation: try validation.finish())
        guard !splits.train.isEmpty else {
            throw Failure(
                .badData,
                "\(texts.joined(separator: ", ")): the tokenizer makes no training token of it; more text is needed.")
        }
        return splits
    }
}
