import Conversations
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
        let conversations = try form == .chat ? conversationEncoder(tokenizer) : nil
        let rows = RecordEncoder(tokenizer: tokenizer, labels: survey.labels, conversations: conversations)
        if case .documents = form { return try writeDocuments(form, paths, rows, model, skipped, proceed) }

        let kind = form.kind
        let layout = RecordLayout(columns: kind.columns, labels: survey.labels, image: nil)
        let format = TokenShardFormat(vocabularySize: tokenizer.vocabularySize)
        var train = RecordSplitWriter(
            directory: output, split: .train, layout: layout, format: format, tokensPerShard: tokensPerShard)
        var heldOut = RecordSplitWriter(
            directory: output, split: .validation, layout: layout, format: format, tokensPerShard: tokensPerShard)
        var (tokenCount, answerCount) = (0, 0)
        try forEachRow(form, paths, rows, skipped, proceed) { row, split throws(Failure) in
            if form == .chat {
                tokenCount += row.columns[1].count
                answerCount += row.columns[1].count { $0 == 1 }
            }
            switch split {
            case .train: try train.append(columns: row.columns, label: row.label)
            case .validation: try heldOut.append(columns: row.columns, label: row.label)
            }
        }
        let records = DatasetManifest.Splits(train: try train.finish(), validation: try heldOut.finish())
        guard !records.train.isEmpty else { throw noTrainingRecord(paths) }
        if form == .chat {
            let share = (1000 * Double(answerCount) / Double(tokenCount)).rounded() / 10
            remarks.add(
                "\(grouped(answerCount)) of \(counted(tokenCount, "token")) (\(share) %) are of answers, and targets")
        }
        return DatasetManifest(
            kind: kind, tokenizer: tokenizer.description, tokenizerModel: model,
            vocabularySize: tokenizer.vocabularySize, labels: survey.labels, chatTemplate: conversations?.template.text,
            splits: .none, records: records, sources: []
        )
    }

    /// The encoder of conversations with the chosen template, or with that of ChatML.
    private func conversationEncoder(_ tokenizer: any Tokenizer) throws(Failure) -> ConversationEncoder {
        if chatTemplate == nil { remarks.add("the tokenizer has no chat template: chatml is used (--template)") }
        let encoder = ConversationEncoder(chatTemplate ?? ChatTemplate(.chatml), tokenizer)
        if try encoder.endOfAnswer() == nil {
            remarks.add("the chat template writes nothing behind an answer: a model cannot learn where one ends")
        }
        return encoder
    }

    /// The error for files without a training record.
    func noTrainingRecord(_ paths: [String]) -> Failure {
        Failure(.badData, "\(paths.joined(separator: ", ")): no training records; at least one is required.")
    }

    private func writeDocuments(
        _ form: RecordForm, _ paths: [String], _ rows: RecordEncoder, _ model: RecordedFile?,
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
        _ form: RecordForm, _ paths: [String], _ encoder: RecordEncoder, _ skipped: SkippedRecords,
        _ proceed: Checkpoint, _ body: (EncodedRecord, Split) throws(Failure) -> Void
    ) throws(Failure) {
        let heldOut = HeldOut(fraction: validation.isEmpty ? validationFraction : 0)
        // Labels in the validation files must be of the same kind as those in the training files.
        let resolved = if case .labelled = form { RecordForm.labelled(encoder.labels?.kind) } else { form }
        let parser = RecordParser(resolved, empty: empty)
        for (files, isValidation) in [(paths, false), (validation, true)] where !files.isEmpty {
            var reader = recordLines(resolved, files)
            var index = 0
            try pool.inOrder {
                () throws(Failure) in
                try reader.next()
            } process: { lines throws(Failure) in
                try EncodedRecords(lines, parser, encoder)
            } take: { batch throws(Failure) in
                for record in batch.records {
                    // Records without tokens count for the choice of those that are held out.
                    if let record { try body(record, isValidation || heldOut.contains(index) ? .validation : .train) }
                    index += 1
                }
                if let first = batch.firstSkipped { skipped.add(batch.skippedCount, "\(first)") }
                try proceed(batch.bytesRead)
            }
        }
    }

    /// Reads the lines of files of records.
    fileprivate func recordLines(_ form: RecordForm, _ paths: [String]) -> RecordLinesReader {
        RecordLinesReader(form, paths, allowsEmpty: empty == .skip, batchBytes: chunkBytes)
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
        var sample = preparation.tokenizer.sample(totalBytes: total, limitBytes: preparation.sampleBytes)
        let isLearned = preparation.tokenizer.isLearned
        var (form, labelKind) = (form, nil as LabelDescription.Kind?)
        if case .labelled(let kind) = form {
            labelKind = if let kind { kind } else { try RecordSurvey.firstKind(preparation, paths) }
            form = .labelled(labelKind)
        }
        guard isLearned || labelKind != nil else {
            (self.sample, labels) = (sample, nil)
            return
        }
        let heldOut = HeldOut(fraction: preparation.validation.isEmpty ? preparation.validationFraction : 0)
        let parser = RecordParser(form, empty: preparation.empty)
        var reader = preparation.recordLines(form, paths)
        var names: Set<ExactText> = []
        var index = 0
        try preparation.pool.inOrder {
            () throws(Failure) in
            try reader.next()
        } process: { lines throws(Failure) in
            try parser.records(of: lines)
        } take: { records throws(Failure) in
            for record in records {
                if isLearned, !heldOut.contains(index) {
                    for text in record.texts { text.withUnsafeBytes { sample.append($0) } }
                }
                if case .names(let found) = record.label {
                    names.formUnion(found.map(\.exact))
                    guard names.count <= LabelDescription.classLimit else {
                        throw Failure(
                            .badData,
                            "\(record.place): has class number \(names.count); allowed: at most "
                                + "\(LabelDescription.classLimit) classes. If the labels are numbers: --labels number.")
                    }
                }
                index += 1
            }
            try proceed(0)
        }
        self.sample = sample
        labels = labelKind.map { LabelDescription(kind: $0, names: LabelDescription.sorted(names)) }
        guard labels == nil || labelKind == .number || !names.isEmpty else {
            throw Failure(.badData, "\(paths.joined(separator: ", ")): no record has a class.")
        }
    }

    /// The kind of the first label in the files.
    private static func firstKind(
        _ preparation: DatasetPreparation, _ paths: [String]
    ) throws(Failure) -> LabelDescription.Kind {
        let form = RecordForm.labelled(nil)
        let parser = RecordParser(form, empty: preparation.empty)
        var reader = preparation.recordLines(form, paths)
        while let lines = try reader.next() {
            for index in 0..<lines.count {
                if case .record(let record) = try parser.parse(lines, index) { return record.labelKind ?? .class }
            }
        }
        return .class
    }
}
