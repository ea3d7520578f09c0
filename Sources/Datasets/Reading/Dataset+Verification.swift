import Failures

extension Dataset {
    /// Reads files and checks their hashes against the manifest, and every token against the vocabulary. Without a
    /// manifest there are no hashes to check.
    ///
    /// - Parameters:
    ///   - splits: The splits to verify.
    ///   - part: The index of this process's part of the files, if `parts` processes share the work.
    ///   - progress: Called about ten times per second, and at the end.
    /// - Throws: `badData`, with the file whose hash differs or the location of the token that is out of range.
    package func verifyShards(
        _ splits: [Split] = Split.allCases, part: Int = 0, of parts: Int = 1,
        _ progress: (_ bytesDone: Int, _ bytesTotal: Int) -> Void = { _, _ in }
    ) throws(Failure) {
        let files = readFiles(splits).enumerated().filter { $0.offset % parts == part }.map(\.element)
        var meter = ProgressMeter(total: files.reduce(0) { $0 + $1.bytes })
        for file in files {
            switch file {
            case .tokens(let shard):
                try shard.verify(vocabularySize: vocabularySize) { meter.advance(by: $0, progress) }
            case .recordedTokens(let recorded):
                try TokenShard(recorded, in: directory)
                    .verify(vocabularySize: vocabularySize) { meter.advance(by: $0, progress) }
            case .other(let recorded):
                let path = "\(directory)/\(recorded.file)"
                var before = 0
                let digest = try TokenShard.digest(ofFile: path) { done in
                    meter.advance(by: done - before, progress)
                    before = done
                }
                guard digest == recorded.digest else { throw Dataset.hashChanged(path, digest, recorded.digest) }
            }
        }
    }

    /// The total size of the files that `verifyShards` reads, in bytes.
    package func verifiedBytes(_ splits: [Split] = Split.allCases) -> Int {
        readFiles(splits).reduce(0) { $0 + $1.bytes }
    }

    /// A file to verify.
    private enum ReadFile {
        case tokens(TokenShard)
        case recordedTokens(DatasetManifest.Shard)
        case other(RecordedFile)

        var bytes: Int {
            switch self {
            case .tokens(let shard): shard.byteCount
            case .recordedTokens(let shard): shard.bytes
            case .other(let file): file.bytes
            }
        }
    }

    /// The files of `splits`. The tokenizer's model is not among them: it was checked when the dataset was opened.
    private func readFiles(_ splits: [Split]) -> [ReadFile] {
        splits.flatMap { split in
            shards[split, default: []].map(ReadFile.tokens)
                + (manifest?.records?[split] ?? []).flatMap { shard in
                    shard.columns.sorted { $0.key < $1.key }.flatMap { column in
                        [.recordedTokens(column.value.tokens), .other(column.value.ends)]
                    } + [shard.labels, shard.pixels].compactMap { $0.map(ReadFile.other) }
                }
        }
    }
}
