import Datasets
import Failures
import Files
import Texts
import Tokenizers

extension DatasetPreparation {
    /// Writes documents as a token stream, or parallel or labelled records.
    func writeRecords(
        _ form: RecordForm, _ paths: [String], _ note: (String) -> Void, _ skipped: SkippedRecords,
        _ proceed: Checkpoint
    ) throws(Failure) -> DatasetManifest {
        let survey = try RecordSurvey(self, form, paths, proceed)
        let (tokenizer, model) = try chosenTokenizer(hasSpecialTokens: true, note) { survey.sample }
        let rows = RecordRow(tokenizer: tokenizer, labels: survey.labels)
        if case .documents = form { return try writeDocuments(form, paths, rows, model, skipped, proceed) }

        let kind = form.kind
        let layout = RecordLayout(columns: kind.columns, labels: survey.labels, image: nil)
        let format = TokenShardFormat(vocabularySize: tokenizer.vocabularySize)
        var train = RecordSplitWriter(
            directory: output, split: .train, layout: layout, format: format, tokensPerShard: tokensPerShard)
        var heldOut = RecordSplitWriter(
            directory: output, split: .validation, layout: layout, format: format, tokensPerShard: tokensPerShard)
        try forEachRow(form, paths, rows, skipped, proceed) { row, split throws(Failure) in
            switch split {
            case .train: try train.append(columns: row.columns, label: row.label)
            case .validation: try heldOut.append(columns: row.columns, label: row.label)
            }
        }
        let records = DatasetManifest.Splits(train: try train.finish(), validation: try heldOut.finish())
        guard !records.train.isEmpty else { throw noTrainingRecord(paths) }
        return DatasetManifest(
            kind: kind, tokenizer: tokenizer.description, tokenizerModel: model,
            vocabularySize: tokenizer.vocabularySize, labels: survey.labels, splits: .none, records: records,
            sources: []
        )
    }

    /// The error for files without a training record.
    func noTrainingRecord(_ paths: [String]) -> Failure {
        Failure(.badData, "\(paths.joined(separator: ", ")): no training records; at least one is required.")
    }

    private func writeDocuments(
        _ form: RecordForm, _ paths: [String], _ rows: RecordRow, _ model: RecordedFile?,
        _ skipped: SkippedRecords, _ proceed: Checkpoint
    ) throws(Failure) -> DatasetManifest {
        guard let end = rows.tokenizer.specialTokens.eos else {
            throw Failure(.usage, "Documents need a tokenizer with an end-of-text token (eos).")
        }
        let format = TokenShardFormat(vocabularySize: rows.tokenizer.vocabularySize)
        var train = SplitWriter(directory: output, split: .train, format: format, tokensPerShard: tokensPerShard)
        var heldOut = SplitWriter(
            directory: output, split: .validation, format: format, tokensPerShard: tokensPerShard)
        try forEachRow(form, paths, rows, skipped, proceed) { row, split throws(Failure) in
            let tokens = row.columns[0] + [end]
            switch split {
            case .train: try train.append(tokens[...])
            case .validation: try heldOut.append(tokens[...])
            }
        }
        let splits = DatasetManifest.Splits(train: try train.finish(), validation: try heldOut.finish())
        guard !splits.train.isEmpty else { throw noTrainingRecord(paths) }
        return manifest(splits, rows.tokenizer, model)
    }

    /// Calls `body` with the records of the training files, then of the validation files, each with its split.
    private func forEachRow(
        _ form: RecordForm, _ paths: [String], _ rows: RecordRow, _ skipped: SkippedRecords, _ proceed: Checkpoint,
        _ body: (RecordRow, Split) throws(Failure) -> Void
    ) throws(Failure) {
        var row = rows
        let heldOut = HeldOut(fraction: validation.isEmpty ? validationFraction : 0)
        // Labels in the validation files must be of the same kind as those in the training files.
        let resolved = if case .labelled = form { RecordForm.labelled(rows.labels?.kind) } else { form }
        for (files, isValidation) in [(paths, false), (validation, true)] where !files.isEmpty {
            var reader = RecordReader(resolved, files, empty: empty)
            var (index, done) = (0, 0)
            while try reader.next() {
                if try row.fill(reader) {
                    try body(row, isValidation || heldOut.contains(index) ? .validation : .train)
                } else {
                    reader.skip()
                }
                index += 1
                // Often enough for a quick stop, rarely enough to be cheap.
                if index.isMultiple(of: 256) {
                    try proceed(reader.bytesRead - done)
                    done = reader.bytesRead
                }
            }
            try proceed(reader.bytesRead - done)
            if let first = reader.firstSkipped { skipped.add(reader.skippedCount, first) }
        }
    }
}

/// A first pass over all records, which collects the labels and the text to train a tokenizer on.
private struct RecordSurvey {
    /// The text of the training records, if a tokenizer is to be trained on it.
    let sample: TextSample
    /// The kind and names of the labels; nil without labels.
    let labels: LabelDescription?

    init(
        _ preparation: DatasetPreparation, _ form: RecordForm, _ paths: [String],
        _ proceed: DatasetPreparation.Checkpoint
    ) throws(Failure) {
        var total = 0
        for path in paths { total += try LineReader(path, allowsEmpty: true).byteCount }
        var sample = TextSample(totalBytes: total, limitBytes: preparation.sampleBytes)
        let isLearned = if case .learned = preparation.tokenizer { true } else { false }
        let hasLabels = if case .labelled = form { true } else { false }
        guard isLearned || hasLabels else {
            (self.sample, labels) = (sample, nil)
            return
        }
        let heldOut = HeldOut(fraction: preparation.validation.isEmpty ? preparation.validationFraction : 0)
        var reader = RecordReader(form, paths, empty: preparation.empty)
        var names: Set<ExactText> = []
        var index = 0
        while try reader.next() {
            if isLearned, !heldOut.contains(index) {
                for text in reader.texts { text.withUnsafeBytes { sample.append($0) } }
            }
            if case .names(let found) = reader.label {
                names.formUnion(found.map(\.exact))
                guard names.count <= LabelDescription.classLimit else {
                    throw Failure(
                        .badData,
                        "\(reader.place): has class number \(names.count); allowed: at most "
                            + "\(LabelDescription.classLimit) classes. If the labels are numbers: --labels number.")
                }
            }
            index += 1
            if index.isMultiple(of: 256) { try proceed(0) }
        }
        self.sample = sample
        labels =
            hasLabels ? LabelDescription(kind: reader.labelKind ?? .class, names: LabelDescription.sorted(names)) : nil
        guard labels?.kind == .number || !hasLabels || !names.isEmpty else {
            throw Failure(.badData, "\(paths.joined(separator: ", ")): no record has a class.")
        }
    }
}

/// A record in the form in which it is written.
private struct RecordRow {
    let tokenizer: any Tokenizer
    let labels: LabelDescription?
    private let classes: [ExactText: Int]
    /// The tokens of each column.
    private(set) var columns: [[Int32]] = []
    /// The label; nil without labels.
    private(set) var label: RecordLabel?

    init(tokenizer: any Tokenizer, labels: LabelDescription?) {
        self.tokenizer = tokenizer
        self.labels = labels
        classes = Dictionary(uniqueKeysWithValues: (labels?.names ?? []).enumerated().map { ($1.exact, $0) })
    }

    /// Encodes the record that `reader` has just read.
    ///
    /// - Returns: Whether its text has tokens; records without tokens are skipped.
    /// - Throws: `badData` if the label does not occur in the training files, or if the text has no tokens and must not
    ///   be skipped.
    mutating func fill(_ reader: borrowing RecordReader) throws(Failure) -> Bool {
        columns.removeAll(keepingCapacity: true)
        for text in reader.texts {
            var tokens: [Int32] = []
            _ = try text.withUnsafeBufferPointer { bytes throws(Failure) in
                try tokenizer.encode(UnsafeRawBufferPointer(bytes), isLast: true, appendingTo: &tokens)
            }
            guard !tokens.isEmpty else {
                if reader.skipsEmpty { return false }
                throw Failure(
                    .badData,
                    "\(reader.place): the tokenizer produces no tokens from it. Remove the record, or skip such records "
                        + "with --empty skip.")
            }
            columns.append(tokens)
        }
        switch reader.label {
        case .number(let number): label = .number(number)
        case .names(let names):
            var indices: [Int] = []
            for name in names { indices.append(try index(of: name, reader.place)) }
            label = labels?.kind == .multi ? .classes(indices) : .class(indices[0])
        case nil: label = nil
        }
        return true
    }

    private func index(of name: String, _ place: String) throws(Failure) -> Int {
        if let index = classes[name.exact] { return index }
        let known = labels?.names ?? []
        let list = known.prefix(12).joined(separator: ", ") + (known.count > 12 ? ", …" : "")
        let nearest = nearestSpelling(to: name, among: known).map { "; did you mean \($0)?" } ?? "."
        throw Failure(
            .badData,
            "\(place): the label \(name) is not among the \(counted(known.count, "class", "es")) of the training files (\(list))\(nearest)"
        )
    }
}
