import Datasets
import Failures
import Files
import Models
import Reporting
import Settings
import Tensors
import Texts
import Tokenizers

/// The first training samples of a configuration, as the model reads them in its first step: with their masks, spans,
/// prompts, augmentation and targets.
struct SamplePreview {
    /// A sample: its fields as named lines of text.
    struct Sample {
        let title: String
        let lines: [(name: String, text: String)]
        let json: JSON
    }

    /// The number of samples per epoch.
    let count: Int
    /// The number of positions of a sample.
    let positions: Int
    let samples: [Sample]

    /// Reads the first `limit` samples of the first step; `dataset` must have the kind that the configuration
    /// needs.
    ///
    /// - Throws: `usage` or `badData` if training on the dataset is impossible.
    init(_ configuration: Configuration, _ dataset: Dataset, limit: Int) throws(Failure) {
        let all = try configuration.makeSamples(dataset, .train)
        (count, positions) = (all.count, all.shape.positions)
        let plan = try BatchPlan(
            sequences: configuration.batch.sequences, slots: configuration.batch.slots, rank: 0, worldSize: 1)
        let reader = try BatchReader(
            all, plan: plan, seed: UInt64(configuration.run.seed), poolBatches: configuration.data.lengthPool)
        let tokenizer = try dataset.makeTokenizer()
        var samples: [Sample] = []
        for batch in try reader.next() {
            for sequence in 0..<min(limit - samples.count, batch.sequenceCount) {
                let row = BatchRow(batch, sequence)
                let text = RowText(row, configuration, tokenizer, dataset)
                let number = reader.sampler.sample(atGlobalIndex: batch.sampleIndices[sequence]).sample
                let place = "sample \(samples.count + 1) of the first step: \(number + 1) of \(grouped(count))"
                samples.append(
                    Sample(
                        title: "\(place), \(text.size)", lines: text.lines,
                        json: row.json(number: number, lines: text.lines)))
            }
        }
        self.samples = samples
    }
}

/// The fields of one sequence of a batch.
private struct BatchRow {
    let tokens: [Int32]
    let targets: [Int32]
    let values: [Float]
    let source: [Int32]
    let prefixLength: Int
    let spanPositions: [Int32]
    let positionIDs: [Int32]
    let documentStarts: [Int32]
    let patches: [Float]
    let hasTargetPerPosition: Bool

    init(_ batch: Batch, _ sequence: Int) {
        let (fields, shape) = (batch.fields, batch.shape)
        let (stride, length) = (batch.positions, Int(batch.lengths[sequence]))
        func part<Number>(_ field: UnsafeMutablePointer<Number>?, _ stride: Int, _ count: Int) -> [Number] {
            field.map { Array(UnsafeBufferPointer(start: $0 + sequence * stride, count: count)) } ?? []
        }
        tokens = part(fields.tokens, stride, length)
        hasTargetPerPosition = shape.hasTargetPerPosition
        targets = hasTargetPerPosition ? part(fields.classTargets, stride, length) : part(fields.classTargets, 1, 1)
        values = part(fields.valueTargets, shape.values, shape.values)
        source = part(fields.sourceTokens, batch.sourcePositions, Int(batch.sourceLengths?[sequence] ?? 0))
        prefixLength = Int(batch.prefixLengths?[sequence] ?? 0)
        spanPositions = part(fields.spanPositionIDs, stride, length)
        positionIDs = part(fields.positionIDs, stride, length)
        documentStarts = part(fields.documentStarts, stride, length)
        patches = part(fields.patches, shape.patchNumbers, shape.patchNumbers)
    }

    func json(number: Int, lines: [(name: String, text: String)]) -> JSON {
        func list(_ numbers: [Int32]) -> JSON {
            .array(numbers.map { $0 == ignoredTarget ? .null : .integer(Int($0)) })
        }
        var members = [JSON.Member("sample", .integer(number))]
        if !tokens.isEmpty { members.append(JSON.Member("tokens", list(tokens))) }
        if !source.isEmpty { members.append(JSON.Member("source", list(source))) }
        if prefixLength > 0 { members.append(JSON.Member("prefix_length", .integer(prefixLength))) }
        if !targets.isEmpty { members.append(JSON.Member("targets", list(targets))) }
        if !values.isEmpty { members.append(JSON.Member("target_values", .array(values.map { .number(Double($0)) }))) }
        members.append(
            JSON.Member("text", .object(lines.map { JSON.Member($0.name, .string($0.text)) })))
        return .object(members)
    }
}

/// A sequence in words: what the model reads, and what it has to predict.
private struct RowText {
    private(set) var lines: [(name: String, text: String)] = []
    let size: String

    init(_ row: BatchRow, _ configuration: Configuration, _ tokenizer: any Tokenizer, _ dataset: Dataset) {
        let text = TokenText(tokenizer)
        let targets = row.targets.count { $0 != ignoredTarget }
        let architecture = configuration.model.family.architecture
        if !row.patches.isEmpty, let image = dataset.imageShape {
            size = "\(image.height) × \(image.width) pixels"
            lines.append(("image", ImagePicture(row.patches, image, patchSize: configuration.model.patchSize).text))
        } else {
            size =
                "\(counted(row.tokens.count, "token"))"
                + (row.hasTargetPerPosition ? ", \(counted(targets, "target"))" : "")
        }
        if !row.source.isEmpty { lines.append(("source", text(row.source))) }
        if row.prefixLength > 0 {
            lines.append(("prefix", text(Array(row.tokens[..<row.prefixLength]))))
            lines += RowText.spans(row, text)
        } else if row.hasTargetPerPosition, architecture.visibility == .all {
            lines.append(("input → target", RowText.marked(row, text)))
        } else if !row.tokens.isEmpty {
            lines.append(("input", RowText.documents(row).map { text($0) }.joined(separator: " ¦ ")))
            if row.hasTargetPerPosition { lines.append(("targets", RowText.predicted(row, text))) }
        }
        if let labels = dataset.labels, !row.hasTargetPerPosition {
            lines.append(("label", RowText.label(row, labels)))
        }
    }

    /// The documents among which there is no attention.
    private static func documents(_ row: BatchRow) -> [[Int32]] {
        let starts = row.documentStarts.indices.filter { $0 > 0 && Int(row.documentStarts[$0]) == $0 }
        return zip([0] + starts, starts + [row.tokens.count]).map { Array(row.tokens[$0..<$1]) }
    }

    /// The targets of consecutive positions; "·" stands for positions without a target.
    private static func predicted(_ row: BatchRow, _ text: TokenText) -> String {
        let runs = row.targets.split(separator: ignoredTarget).map { text(Array($0)) }
        let starts = row.targets.first == ignoredTarget ? "· " : ""
        return starts + runs.joined(separator: " · ") + (row.targets.last == ignoredTarget ? " ·" : "")
    }

    /// The text, with every position that has a target as ⟦input → target⟧.
    private static func marked(_ row: BatchRow, _ text: TokenText) -> String {
        var (shown, plain): (String, [Int32]) = ("", [])
        for (token, target) in zip(row.tokens, row.targets) {
            guard target != ignoredTarget else {
                plain.append(token)
                continue
            }
            shown += text(plain, continues: !shown.isEmpty)
            plain = []
            shown += "⟦\(text([token], continues: true)) → \(text([target], continues: true))⟧"
        }
        return shown + text(plain, continues: !shown.isEmpty)
    }

    /// The spans after the prefix: where each belongs, what is read and what is predicted.
    private static func spans(_ row: BatchRow, _ text: TokenText) -> [(name: String, text: String)] {
        var spans: [(name: String, text: String)] = []
        var start = row.prefixLength
        while start < row.tokens.count {
            let rest = row.spanPositions[(start + 1)...]
            let end = rest.firstIndex(of: 1) ?? row.tokens.count
            let input = text(Array(row.tokens[start..<end]), continues: true)
            let target = text(Array(row.targets[start..<end]), continues: true)
            spans.append(("blank at \(row.positionIDs[start])", "\(input) → \(target)"))
            start = end
        }
        return spans
    }

    private static func label(_ row: BatchRow, _ labels: LabelDescription) -> String {
        switch labels.kind {
        case .class: return ClassificationTable.label(labels.names[Int(row.targets[0])])
        case .multi:
            let names = labels.names.indices.filter { row.values[$0] > 0 }
            return names.isEmpty
                ? "none" : names.map { ClassificationTable.label(labels.names[$0]) }.joined(separator: ", ")
        case .number: return "\(row.values[0])"
        }
    }
}

/// Tokens as text that a terminal can show: special tokens by their names, unprintable characters as escapes.
struct TokenText {
    private let tokenizer: any Tokenizer
    private let special: Set<Int32>

    init(_ tokenizer: any Tokenizer) {
        self.tokenizer = tokenizer
        special = Set(tokenizer.specialTokens.all)
    }

    /// The text of `tokens`.
    ///
    /// - Parameter continues: Whether they continue a line; otherwise decoding may remove a leading space.
    func callAsFunction(_ tokens: [Int32], continues: Bool = false) -> String {
        var state = DecodingState()
        state.startsLine = !continues
        var bytes: [UInt8] = []
        for token in tokens {
            if special.contains(token) {
                bytes += tokenizer.decode([token], keepsSpecial: true)
            } else {
                tokenizer.decode(token, after: &state, appendingTo: &bytes)
            }
        }
        return PathText.shown(PathText.text(of: bytes)).exactParts(at: "\n").joined(separator: "↵")
    }
}
