import Datasets
import Failures
import Files
import Reporting

extension DatasetReport {
    /// The report as text for a terminal.
    package var text: String {
        ([heading, table] + lengths + [context, repetitions] + tokens + labels + [samples])
            .filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    private var heading: String {
        var line = "\(dataset.directory): kind \(dataset.kind.rawValue)"
        if let image = dataset.imageShape {
            return line + ", \(image.height) × \(image.width) pixels, \(counted(image.channels, "channel"))"
        }
        line += ", tokenizer \(dataset.tokenizer.kind.rawValue), \(grouped(dataset.vocabularySize)) tokens"
        let used = usedTokens
        return line + (used > 0 ? " (\(grouped(used)) of them occur)" : "")
    }

    /// The number of different tokens in all splits.
    var usedTokens: Int {
        var all: TokenCounts?
        for counts in splits.compactMap(\.statistics.tokens) {
            if all == nil { all = counts } else { all?.add(counts) }
        }
        return all?.used ?? 0
    }

    /// Counts and shares by split.
    private var table: String {
        func row(_ name: String, _ value: (SplitStatistics) -> String?) -> [[String]] {
            let values = splits.map { value($0.statistics) }
            return values.contains { $0 != nil } ? [[name] + values.map { $0 ?? "" }] : []
        }
        let name = dataset.kind.recordName
        return aligned(
            [[""] + splits.map(\.split.rawValue)]
                + row(name) { $0.records > 0 ? grouped($0.records) : nil }
                + row("tokens") { ($0.tokens?.total).map(grouped) }
                + row("unknown text") { ($0.tokens?.unknownShare).map { percent($0, 3) } }
                + row("single bytes of characters without a token") { ($0.tokens?.byteShare).map { percent($0, 3) } })
    }

    /// A histogram for each column of the training split.
    private var lengths: [String] {
        guard let (split, statistics) = splits.first else { return [] }
        return statistics.lengths.map { name, lengths in
            let heading =
                "\(name) lengths in tokens (\(split.rawValue)): mean \(fixed(lengths.mean, 1)), median "
                + "\(grouped(lengths.quantile(0.5))), 95 % up to \(grouped(lengths.quantile(0.95))), longest "
                + grouped(lengths.longest)
            return ([heading] + lengths.bars).joined(separator: "\n")
        }
    }

    /// What the context length cuts off and pads.
    private var context: String {
        splits.compactMap { split, statistics -> String? in
            guard statistics.records > 0, dataset.kind != .images else { return nil }
            let share = percent(Double(statistics.longerRecords) / Double(statistics.records))
            let longer =
                "context \(contextLength) (\(split.rawValue)): \(grouped(statistics.longerRecords)) "
                + "\(dataset.kind.recordName) (\(share)) are longer"
            if dataset.kind == .text {
                return longer + " and are divided among samples"
            }
            let cut = Double(statistics.cutTokens) / Double(max(1, statistics.tokens?.total ?? 0))
            let padded = Double(statistics.paddedPositions) / Double(max(1, statistics.positions))
            let isError = statistics.longerRecords > 0 && !configuration.data.truncate
            return longer + ", which cuts off \(percent(cut)) of the tokens"
                + (isError ? " (training needs data.truncate: true or a longer context)" : "")
                + "; \(percent(padded)) of the positions are padding before batches are shortened"
        }.joined(separator: "\n")
    }

    private var repetitions: String {
        let sample =
            duplicates.sampling > 1 ? " (estimated from one in \(grouped(duplicates.sampling)) different ones)" : ""
        var lines = [
            "repeated \(contents)\(sample): \(percent(duplicates.withinTraining)) of train occur in it before"
        ]
        if splits.contains(where: { $0.split == .validation }) {
            lines.append(
                "  \(percent(duplicates.withinValidation)) of validation occur in it before, "
                    + "\(percent(duplicates.validationInTraining)) of validation also occur in train")
        }
        return lines.joined(separator: "\n")
    }

    /// The most frequent tokens of the training split.
    private var tokens: [String] {
        guard let counts = splits.first?.statistics.tokens, counts.total > 0 else { return [] }
        let text = TokenText(tokenizer)
        let list = counts.mostFrequent(10).map {
            "'\(text([$0.token], continues: true))' \(percent($0.share, 1))"
        }
        return ["most frequent tokens: " + list.joined(separator: ", ")]
    }

    private var labels: [String] {
        guard let labels = dataset.labels else { return [] }
        return [
            LabelBalance.text(labels, splits.compactMap { split, statistics in statistics.labels.map { (split, $0) } })
        ]
    }

    /// The first samples; long fields are cut.
    private var samples: String {
        let preview: SamplePreview
        switch self.preview {
        case .failure(let failure): return "training on it fails: \(failure.message)"
        case .success(let found): preview = found
        }
        var lines = [
            "\(counted(preview.count, "training sample")) of up to \(preview.positions) positions; an epoch has "
                + "\(fixed(stepsPerEpoch ?? 0, 1)) steps of batch.sequences \(configuration.batch.sequences)"
        ]
        for sample in preview.samples {
            lines += ["", sample.title]
            for (name, text) in sample.lines {
                let isBlock = text.utf8.contains(UInt8(ascii: "\n"))
                lines.append("  \(name): \(isBlock ? "\n" : "")\(DatasetReport.shortened(text))")
            }
        }
        return lines.joined(separator: "\n")
    }

    private static let shownCharacters = 600

    private static func shortened(_ text: String) -> String {
        let rest = text.unicodeScalars.count - shownCharacters
        // A picture is shown whole; it has a limited number of lines and columns.
        guard rest > 0, !text.utf8.contains(UInt8(ascii: "\n")) else { return text }
        return String(text.unicodeScalars.prefix(shownCharacters)) + "… (\(grouped(rest)) more characters)"
    }
}

extension DatasetReport {
    /// The report as one JSON object.
    package var json: JSON {
        let preview = try? preview.get()
        var reason = JSON.null
        if case .failure(let failure) = self.preview { reason = .string(failure.message) }
        let parts = splits.map { JSON.Member($0.split.rawValue, $0.statistics.json) }
        let samples = preview?.samples.map(\.json) ?? []
        let count: JSON = preview.map { .integer($0.count) } ?? .null
        let steps: JSON = stepsPerEpoch.map(JSON.number) ?? .null
        return .object([
            .init("dataset", .string(dataset.directory)), .init("kind", .string(dataset.kind.rawValue)),
            .init("digest", .string(dataset.digest)), .init("tokenizer", .string(dataset.tokenizer.kind.rawValue)),
            .init("vocabulary_size", .integer(dataset.vocabularySize)), .init("used_tokens", .integer(usedTokens)),
            .init("context_length", .integer(contextLength)), .init("splits", .object(parts)),
            .init("repeated_unit", .string(contents)), .init("repeated", duplicates.json),
            .init("samples_per_epoch", count), .init("steps_per_epoch", steps), .init("samples", .array(samples)),
            .init("training_fails", reason),
        ])
    }
}

extension SplitStatistics {
    fileprivate var json: JSON {
        let total: JSON = tokens.map { .integer($0.total) } ?? .null
        let unknown: JSON = (tokens?.unknownShare).map(JSON.number) ?? .null
        let bytes: JSON = (tokens?.byteShare).map(JSON.number) ?? .null
        let columns = lengths.map { JSON.Member($0.name, $0.lengths.json) }
        return .object([
            .init("records", .integer(records)), .init("tokens", total), .init("unknown_share", unknown),
            .init("byte_fallback_share", bytes), .init("lengths", .object(columns)),
            .init("longer_records", .integer(longerRecords)), .init("cut_tokens", .integer(cutTokens)),
            .init("padded_share", .number(Double(paddedPositions) / Double(max(1, positions)))),
            .init("labels", labels?.json ?? .null),
        ])
    }
}
