import Failures
import Files

extension Dataset {
    /// Opens the dataset in `directory`: what `dtrain prepare` made, or bare llm.c or nanoGPT shards.
    ///
    /// Without a manifest, every `*.bin` whose name contains "val" is validation and every other is training, in
    /// the order of their names.
    ///
    /// - Parameters:
    ///   - vocabularySize: The vocabulary of shards without a manifest. Without it they are taken for GPT-2's
    ///     tokens, padded to 50304, or Llama 3's, 128256, where they have 32 bits.
    ///   - verifying: Whether to read every shard and compare its hash.
    /// - Throws: `badData` for a directory that holds no whole dataset, naming the file that is wrong.
    package static func open(
        _ directory: String, vocabularySize: Int? = nil, verifying: Bool = false
    ) throws(Failure) -> Dataset {
        let names = FileSystem.isDirectory(directory) ? try FileSystem.list(directory) : []
        let shardNames = names.filter { $0.hasSuffix(".bin") }
        if names.contains(DatasetManifest.fileName) {
            let dataset = try Dataset(manifest: DatasetManifest(readingFrom: directory), in: directory)
            if verifying { try dataset.verifyShards() }
            return dataset
        }
        let advice = "Prepare it: dtrain prepare --text FILE --tokenizer byte --output '\(directory)'"
        guard !names.contains(PreparationDirectory.markerName) else {
            throw Failure(.badData, "\(directory): its preparation was interrupted. \(advice)")
        }
        guard !shardNames.isEmpty else {
            let found = FileSystem.isDirectory(directory) ? "the directory holds" : "there is no such directory with"
            throw Failure(
                .badData,
                "\(directory): no dataset: \(found) neither \(DatasetManifest.fileName) nor *.bin shards of llm.c or "
                    + "nanoGPT. \(advice)")
        }
        return try Dataset(bareShards: shardNames, in: directory, vocabularySize: vocabularySize)
    }

    private init(manifest: DatasetManifest, in directory: String) throws(Failure) {
        var digest = Digest()
        digest.update("dataset.json")
        manifest.tokenizer.update(&digest)
        digest.update(manifest.vocabularySize)
        var shards: [Split: [TokenShard]] = [:]
        for split in Split.allCases {
            digest.update(split.rawValue)
            for recorded in manifest.splits[split] {
                let shard = try TokenShard(checking: "\(directory)/\(recorded.file)")
                guard shard.byteCount == recorded.bytes, shard.tokenCount == recorded.tokens else {
                    throw Failure(
                        .badData,
                        "\(shard.path): holds \(shard.tokenCount) tokens in \(shard.byteCount) bytes, "
                            + "\(DatasetManifest.fileName) says \(recorded.tokens) in \(recorded.bytes). "
                            + "The file was replaced; copy or prepare the dataset again.")
                }
                shards[split, default: []].append(shard)
                digest.update(recorded.tokens)
                digest.update(recorded.digest)
            }
        }
        self.directory = directory
        self.manifest = manifest
        self.shards = shards
        tokenizer = manifest.tokenizer
        vocabularySize = manifest.vocabularySize
        self.digest = digest.hexadecimal()
        // A tokenizer that does not fit the vocabulary is found now rather than at the first generated text.
        _ = try makeTokenizer()
    }

    private init(bareShards names: [String], in directory: String, vocabularySize: Int?) throws(Failure) {
        var digest = Digest()
        digest.update("shards")
        var shards: [Split: [TokenShard]] = [:]
        var first: TokenShard?
        for name in names {
            let shard = try TokenShard(checking: "\(directory)/\(name)", allowingHeaderless: true)
            if let first, first.format != shard.format {
                throw Failure(
                    .badData,
                    "\(shard.path): \(shard.format.name), but \(first.path): \(first.format.name). The shards of a "
                        + "dataset have one format; move the others elsewhere or copy the damaged one again.")
            }
            first = first ?? shard
            shards[name.lowercased().contains("val") ? .validation : .train, default: []].append(shard)
            digest.update(name)
            digest.update(shard.byteCount)
            digest.update(shard.tokenCount)
        }
        self.directory = directory
        self.shards = shards
        manifest = nil
        tokenizer = TokenizerDescription(kind: .none)
        self.vocabularySize = vocabularySize ?? (first?.format == .uint32 ? 128_256 : 50_304)
        digest.update(self.vocabularySize)
        self.digest = digest.hexadecimal()
    }
}
