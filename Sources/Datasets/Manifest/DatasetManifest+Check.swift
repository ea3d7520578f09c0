import Texts
import Tensors
import Failures
import Tokenizers

extension DatasetManifest {
    /// Checks that the manifest's values are possible, before files are opened or memory is allocated for them.
    ///
    /// - Throws: `badData`, with the path of the manifest and the key.
    func checkPromises(_ path: String) throws(Failure) {
        let check = ManifestCheck(path: path)
        try check.require(
            (1...Int(Int32.max)).contains(vocabularySize),
            "vocabulary_size is \(vocabularySize); allowed: 1 to \(Int32.max)")
        for token in tokenizer.specialTokens.all {
            try check.require(
                (0..<vocabularySize).contains(Int(token)),
                "tokenizer.special_tokens has \(token), outside the vocabulary of \(vocabularySize)")
        }
        try checkKind(check)
        for split in Split.allCases {
            for (index, shard) in splits[split].enumerated() {
                try check.check(shard, "splits.\(split.rawValue)[\(index)]")
            }
            for (index, shard) in (records?[split] ?? []).enumerated() {
                try checkRecords(shard, check, "records.\(split.rawValue)[\(index)]")
            }
        }
        if let model = tokenizerModel {
            try check.check(model, "tokenizer_model")
            try check.require(
                model.digest == tokenizer.modelDigest && model.bytes <= TokenizerDescription.modelBytesLimit,
                "tokenizer_model does not match tokenizer.model_xxh3_128, or is too large")
        }
        try check.require(
            (tokenizerModel != nil) == (tokenizer.fileName != nil),
            "tokenizer_model must be present for a tokenizer with a file, and only for it")
        let repeated = files.map(\.file).firstRepeated()
        try check.require(repeated == nil, "the file '\(repeated ?? "")' is listed more than once")
    }

    private func checkKind(_ check: ManifestCheck) throws(Failure) {
        let name = kind.rawValue
        try check.require((records == nil) == (kind == .text), "kind is \(name), which does not match its records")
        try check.require(
            (labels != nil) == kind.hasLabels && (image != nil) == (kind == .images),
            "kind is \(name), which does not match its labels or image")
        try check.require(
            (chatTemplate != nil) == (kind == .chat)
                && chatTemplate?.utf8.count ?? 0 <= DatasetManifest.chatTemplateBytesLimit,
            "chat_template must be present for kind chat, and only for it, with at most "
                + "\(DatasetManifest.chatTemplateBytesLimit) bytes")
        if let labels {
            let count = labels.names.count
            let isPossible = labels.kind == .number ? count == 0 : (1...LabelDescription.classLimit).contains(count)
            try check.require(
                isPossible, "labels has \(count) names, which kind \(labels.kind.rawValue) does not allow")
            try check.require(labels.names.firstRepeated() == nil, "labels has a duplicate name")
        }
        if let image {
            try check.require(
                image.isPossible && labels?.kind == .class,
                "image is \(image.height) × \(image.width) × \(image.channels); allowed: heights and widths "
                    + "from 1 to \(ImageShape.sideLimit), 1 or 3 channels, and labels of kind class")
        }
    }

    private func checkRecords(_ shard: RecordShard, _ check: ManifestCheck, _ place: String) throws(Failure) {
        try check.require(
            (1...RecordLayout.maximumRecordCount).contains(shard.count),
            "\(place).count is \(shard.count); allowed: 1 to \(RecordLayout.maximumRecordCount)")
        try check.require(
            Set(shard.columns.keys) == Set(kind.columns.map(\.rawValue))
                && (shard.labels != nil) == kind.hasLabels && (shard.pixels != nil) == (kind == .images),
            "\(place) does not have the columns of a dataset of kind \(kind.rawValue)")
        for (name, column) in shard.columns.sorted(by: { $0.key < $1.key }) {
            try check.check(column.tokens, "\(place).columns.\(name).tokens")
            try check.check(column.ends, "\(place).columns.\(name).ends", shard.count, RecordLayout.endBytes)
        }
        if let file = shard.labels, let labels {
            try check.check(file, "\(place).labels", shard.count, labels.labelBytes)
        }
        if let file = shard.pixels, let image {
            try check.check(file, "\(place).pixels", shard.count, image.byteCount)
        }
    }
}

private struct ManifestCheck {
    let path: String

    func require(_ isTrue: Bool, _ found: @autoclosure () -> String) throws(Failure) {
        guard isTrue else { throw Failure(.badData, "\(path): \(found()). Prepare the dataset again.") }
    }

    func check(_ file: RecordedFile, _ place: String) throws(Failure) {
        try require(
            FileName.isPlain(file.file),
            "\(place).file is '\(file.file)'; allowed: a plain name without '/', '\\' or '..'")
        let isDigest = file.digest.utf8.count == 32 && file.digest.allSatisfy(\.isHexDigit)
        try require(isDigest, "\(place).xxh3_128 is '\(file.digest)'; expected 32 hexadecimal digits")
        try require(file.bytes >= 0, "\(place).bytes is \(file.bytes); expected 0 or more")
    }

    func check(_ shard: DatasetManifest.Shard, _ place: String) throws(Failure) {
        try check(shard.recorded, place)
        try require(
            (1...TokenShardFormat.maximumTokenCount).contains(shard.tokens),
            "\(place).tokens is \(shard.tokens); allowed: 1 to \(TokenShardFormat.maximumTokenCount)")
    }

    /// Checks a file of `count` elements of `width` bytes each.
    func check(_ file: RecordedFile, _ place: String, _ count: Int, _ width: Int) throws(Failure) {
        try check(file, place)
        let (bytes, overflows) = count.multipliedReportingOverflow(by: width)
        try require(
            !overflows && file.bytes == bytes,
            "\(place).bytes is \(file.bytes); expected \(count) records of \(width) bytes")
    }
}
