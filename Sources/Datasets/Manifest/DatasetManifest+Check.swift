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
            "vocabulary_size is \(vocabularySize), from 1 to \(Int32.max) are allowed")
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
                "tokenizer_model is another one than tokenizer.model_xxh3_128 says, or too large")
        }
        try check.require(
            (tokenizerModel != nil) == (tokenizer.kind == .sentencepiece),
            "tokenizer_model belongs to a sentencepiece tokenizer, and to no other")
        let repeated = files.map(\.file).firstRepeated()
        try check.require(repeated == nil, "the file '\(repeated ?? "")' stands there twice")
    }

    private func checkKind(_ check: ManifestCheck) throws(Failure) {
        let name = kind.rawValue
        try check.require((records == nil) == (kind == .text), "kind is \(name), which does not fit its records")
        try check.require(
            (labels != nil) == kind.hasLabels && (image != nil) == (kind == .images),
            "kind is \(name), which does not fit its labels or image")
        if let labels {
            let count = labels.names.count
            let isPossible = labels.kind == .number ? count == 0 : (1...LabelDescription.classLimit).contains(count)
            try check.require(isPossible, "labels has \(count) names, which is impossible for \(labels.kind.rawValue)")
            try check.require(labels.names.firstRepeated() == nil, "labels has a name twice")
        }
        if let image {
            try check.require(
                image.isPossible && labels?.kind == .class,
                "image is \(image.height) × \(image.width) × \(image.channels); heights and widths from 1 to "
                    + "\(ImageShape.sideLimit) and 1 or 3 channels are allowed, with a class each")
        }
    }

    private func checkRecords(_ shard: RecordShard, _ check: ManifestCheck, _ place: String) throws(Failure) {
        try check.require(
            (1...RecordLayout.maximumRecordCount).contains(shard.count),
            "\(place).count is \(shard.count), from 1 to \(RecordLayout.maximumRecordCount) are allowed")
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
            "\(place).file is '\(file.file)', only a plain name without '/', '\\' or '..' is allowed")
        let isDigest = file.digest.utf8.count == 32 && file.digest.allSatisfy(\.isHexDigit)
        try require(isDigest, "\(place).xxh3_128 is '\(file.digest)', 32 hexadecimal digits are expected")
        try require(file.bytes >= 0, "\(place).bytes is \(file.bytes)")
    }

    func check(_ shard: DatasetManifest.Shard, _ place: String) throws(Failure) {
        try check(shard.recorded, place)
        try require(
            (1...TokenShardFormat.maximumTokenCount).contains(shard.tokens),
            "\(place).tokens is \(shard.tokens), from 1 to \(TokenShardFormat.maximumTokenCount) are allowed")
    }

    /// Checks a file of `count` elements of `width` bytes each.
    func check(_ file: RecordedFile, _ place: String, _ count: Int, _ width: Int) throws(Failure) {
        try check(file, place)
        let (bytes, overflows) = count.multipliedReportingOverflow(by: width)
        try require(
            !overflows && file.bytes == bytes,
            "\(place).bytes is \(file.bytes), \(count) records of \(width) bytes are promised")
    }
}
