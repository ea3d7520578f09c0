import Failures
import Files
import Texts
import Tokenizers

extension Dataset {
    /// Opens the dataset in `directory`: the output of `dtrain prepare`, or shards of llm.c or nanoGPT.
    ///
    /// Without a manifest, each file `*.bin` is a validation shard if its name says so (see `FileName.isOfValidation`),
    /// otherwise a training shard; they are ordered by name.
    ///
    /// - Parameters:
    ///   - vocabularySize: The vocabulary size of shards without a manifest; nil: 50304 (GPT-2's, padded) or, for
    ///     32-bit tokens, 128256 (Llama 3's).
    /// - Throws: `badData` if the directory contains no complete dataset, with the file at fault.
    package static func open(_ directory: String, vocabularySize: Int? = nil) throws(Failure) -> Dataset {
        let isThere = try FileSystem.isPresentDirectory(directory)
        let names = isThere ? try FileSystem.list(directory) : []
        let shardNames = names.filter { $0.hasExactSuffix(".bin") }
        if names.contains(DatasetManifest.fileName) {
            return try Dataset(manifest: DatasetManifest(readingFrom: directory), in: directory)
        }
        let advice =
            "Prepare it: dtrain prepare --text FILE --tokenizer byte --output \(shellWord(directory)) (records, translations and "
            + "images: dtrain help prepare)"
        guard !names.contains(PreparationDirectory.markerName) else {
            throw Failure(.badData, "\(directory): its preparation was interrupted. \(advice)")
        }
        guard !shardNames.isEmpty else {
            let found =
                isThere
                ? "the directory holds neither \(DatasetManifest.fileName) nor *.bin shards of llm.c or nanoGPT."
                : "there is no such directory. If it was moved, name its new path."
            throw Failure(.badData, "\(directory): no dataset: \(found) \(advice)")
        }
        return try Dataset(bareShards: shardNames, in: directory, vocabularySize: vocabularySize)
    }

    private init(manifest: DatasetManifest, in directory: String) throws(Failure) {
        var shards: [Split: [TokenShard]] = [:]
        for split in Split.allCases {
            for recorded in manifest.splits[split] {
                shards[split, default: []].append(try TokenShard(recorded, in: directory))
            }
            for recorded in manifest.records?[split] ?? [] { try recorded.checkFiles(in: directory) }
        }
        var model: [UInt8] = []
        if let recorded = manifest.tokenizerModel {
            let path = "\(directory)/\(recorded.file)"
            model = try FileSystem.contents(of: path, limitBytes: TokenizerDescription.modelBytesLimit)
            let digest = Digest.of(model)
            guard digest == recorded.digest else { throw Dataset.hashChanged(path, digest, recorded.digest) }
        }
        self.directory = directory
        self.manifest = manifest
        self.shards = shards
        kind = manifest.kind
        tokenizer = manifest.tokenizer
        tokenizerModel = model
        vocabularySize = manifest.vocabularySize
        labels = manifest.labels
        imageShape = manifest.image
        chatTemplate = manifest.chatTemplate
        digest = manifest.contentDigest()
        // Rejects a tokenizer that does not fit the vocabulary now, not only when text is generated.
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
            shards[FileName.isOfValidation(name) ? .validation : .train, default: []].append(shard)
            digest.update(name)
            digest.update(shard.byteCount)
            digest.update(shard.tokenCount)
        }
        self.directory = directory
        self.shards = shards
        manifest = nil
        kind = .text
        tokenizer = TokenizerDescription(kind: .none)
        tokenizerModel = []
        (labels, imageShape, chatTemplate) = (nil, nil, nil)
        self.vocabularySize = vocabularySize ?? (first?.format == .uint32 ? 128_256 : 50_304)
        digest.update(self.vocabularySize)
        self.digest = digest.hexadecimal()
    }
}

extension DatasetManifest {
    /// The digest of the dataset's contents. File names and sources are not included.
    fileprivate func contentDigest() -> String {
        var digest = Digest()
        digest.update("dataset.json")
        tokenizer.update(&digest)
        digest.update(vocabularySize)
        for split in Split.allCases {
            digest.update(split.rawValue)
            for shard in splits[split] {
                digest.update(shard.tokens)
                digest.update(shard.digest)
            }
            for shard in records?[split] ?? [] {
                digest.update(shard.count)
                for file in shard.files { digest.update(file.digest) }
            }
        }
        // Not for the kind text, so that digests of existing text datasets remain the same.
        if kind != .text { digest.update(kind.rawValue) }
        if let chatTemplate { digest.update(chatTemplate) }
        if let labels {
            digest.update(labels.kind.rawValue)
            for name in labels.names { digest.update(name) }
        }
        if let image {
            for side in [image.height, image.width, image.channels] { digest.update(side) }
        }
        return digest.hexadecimal()
    }
}

extension TokenShard {
    /// Opens a shard that a manifest in `directory` lists.
    ///
    /// - Throws: `badData` if its size or token count differs from the manifest.
    init(_ recorded: DatasetManifest.Shard, in directory: String) throws(Failure) {
        try self.init(checking: "\(directory)/\(recorded.file)")
        guard byteCount == recorded.bytes, tokenCount == recorded.tokens else {
            throw Failure(
                .badData,
                "\(path): holds \(tokenCount) tokens in \(byteCount) bytes, but "
                    + "\(DatasetManifest.fileName) says \(recorded.tokens) in \(recorded.bytes). "
                    + "The file was replaced; copy or prepare the dataset again.")
        }
        record(digest: recorded.digest)
    }
}

extension RecordShard {
    /// Checks that all files exist and have the recorded sizes.
    fileprivate func checkFiles(in directory: String) throws(Failure) {
        for column in columns.values { _ = try TokenShard(column.tokens, in: directory) }
        for file in files { _ = try File(checking: file, in: directory) }
    }
}

extension File {
    /// Opens a file that a manifest in `directory` lists.
    ///
    /// - Throws: `badData` if its size differs from the manifest.
    init(checking recorded: RecordedFile, in directory: String) throws(Failure) {
        let file = try File("\(directory)/\(recorded.file)", .read)
        let size = try file.size()
        guard size == recorded.bytes else {
            throw Failure(
                .badData,
                "\(file.path): holds \(size) bytes, but \(DatasetManifest.fileName) says \(recorded.bytes). "
                    + "The file was replaced; copy or prepare the dataset again.")
        }
        self = file
    }
}
