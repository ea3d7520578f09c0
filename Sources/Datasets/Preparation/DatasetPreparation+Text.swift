import Failures
import Files

extension DatasetPreparation {
    /// Writes one stream of tokens, the texts one behind the other.
    func writeTexts(
        _ paths: [String], _ note: (String) -> Void, _ proceed: Checkpoint
    ) throws(Failure) -> DatasetManifest {
        // What the training text is of each file.
        let fraction = validation.isEmpty ? validationFraction : 0
        let (tokenizer, model) = try chosenTokenizer(hasSpecialTokens: false, note) { () throws(Failure) in
            try textSample(paths, fraction, proceed)
        }
        let format = TokenShardFormat(vocabularySize: tokenizer.vocabularySize)
        var train = SplitWriter(directory: output, split: .train, format: format, tokensPerShard: tokensPerShard)
        var heldOut = SplitWriter(
            directory: output, split: .validation, format: format, tokensPerShard: tokensPerShard)
        for path in paths {
            var reader = try TextReader(path, chunkBytes: chunkBytes)
            let cut = try trainingEnd(&reader, fraction)
            try reader.readTokens(in: 0..<cut, tokenizer) { tokens, bytes throws(Failure) in
                try train.append(tokens)
                try proceed(bytes)
            }
            try reader.readTokens(in: cut..<reader.byteCount, tokenizer) { tokens, bytes throws(Failure) in
                try heldOut.append(tokens)
                try proceed(bytes)
            }
        }
        for path in validation {
            var reader = try TextReader(path, chunkBytes: chunkBytes)
            try reader.readTokens(in: 0..<reader.byteCount, tokenizer) { tokens, bytes throws(Failure) in
                try heldOut.append(tokens)
                try proceed(bytes)
            }
        }
        let splits = DatasetManifest.Splits(train: try train.finish(), validation: try heldOut.finish())
        guard !splits.train.isEmpty else {
            throw Failure(
                .badData,
                "\(paths.joined(separator: ", ")): the tokenizer makes no training token of it; more text is needed.")
        }
        return manifest(splits, tokenizer, model)
    }

    /// The manifest of a stream of tokens.
    func manifest(
        _ splits: DatasetManifest.Splits<DatasetManifest.Shard>, _ tokenizer: any Tokenizer, _ model: RecordedFile?
    ) -> DatasetManifest {
        DatasetManifest(
            kind: .text, tokenizer: tokenizer.description, tokenizerModel: model,
            vocabularySize: tokenizer.vocabularySize, splits: splits, sources: [])
    }

    private func trainingEnd(_ reader: inout TextReader, _ fraction: Double) throws(Failure) -> Int {
        try reader.characterBoundary(from: reader.byteCount - Int(Double(reader.byteCount) * fraction))
    }

    private func textSample(
        _ paths: [String], _ fraction: Double, _ proceed: Checkpoint
    ) throws(Failure) -> TextSample {
        var total = 0
        for path in paths { total += try TextReader(path, chunkBytes: 1).byteCount }
        var sample = TextSample(totalBytes: total, limitBytes: sampleBytes)
        for path in paths {
            var reader = try TextReader(path, chunkBytes: chunkBytes)
            let cut = try trainingEnd(&reader, fraction)
            try reader.read(0..<cut) { held, _, isLast throws(Failure) in
                try proceed(0)
                let taken = isLast ? held.count : DatasetPreparation.wholeLines(held)
                sample.append(UnsafeRawBufferPointer(rebasing: held[..<taken]))
                return taken
            }
        }
        return sample
    }

    /// The length of the lines that end within `bytes`; where none does, of the words, or else of the characters.
    private static func wholeLines(_ bytes: UnsafeRawBufferPointer) -> Int {
        if let end = bytes.lastIndex(of: UInt8(ascii: "\n")) ?? bytes.lastIndex(of: UInt8(ascii: " ")) {
            return end + 1
        }
        return bytes.lastIndex { $0 & 0xC0 != 0x80 } ?? bytes.count
    }
}
