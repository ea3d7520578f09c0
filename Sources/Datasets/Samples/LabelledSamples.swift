import Failures

/// Samples for text classification: a class token, the text, and its label.
///
/// - Source: Devlin et al. 2019 (BERT), arXiv:1810.04805, section 3.
package final class LabelledSamples: Samples {
    package let count: Int
    package let shape: BatchShape
    package var truncatedCount: Int { limit.truncatedCount }
    private let records: Records
    private let limit: SequenceLimit
    private let labels: LabelDescription
    private let first: Int32
    private let noise: TokenNoise
    private let subwords: SubwordNoise

    /// The samples of `records`.
    ///
    /// - Parameter first: The token before each text.
    /// - Throws: `badData` if a text is longer than the context and `truncates` is false.
    package init(
        _ records: Records, _ labels: LabelDescription, contextLength: Int, first: Int32, truncates: Bool,
        noise: TokenNoise, subwords: SubwordNoise = SubwordNoise(nil)
    ) throws(Failure) {
        self.records = records
        self.labels = labels
        self.first = first
        self.noise = noise
        self.subwords = subwords
        count = records.count
        limit = try SequenceLimit(records, [.text], contextLength: contextLength, truncates: truncates)
        var shape = BatchShape(positions: contextLength)
        shape.hasLengths = true
        shape.hasTargetPerPosition = false
        shape.values = labels.kind == .class ? 0 : labels.outputs
        self.shape = shape
    }

    package func length(of sample: Int) -> Int { limit.length(records, sample, .text) }

    /// - Complexity: O(T + labels); allocates nothing, except for other segmentations.
    package func load(_ sample: Int, _ draw: SampleDraw, into row: inout SampleRow) throws(Failure) {
        let tokens = row.fields.tokens!
        var length = limit.length(records, sample, .text)
        try records.read(sample, .text, from: 0, count: length, into: tokens + 1)
        length = subwords.apply(tokens + 1, count: length, limit: row.positions - 1, column: 0, draw)
        tokens[0] = first
        row.length = 1 + noise.apply(tokens + 1, count: length, draw)
        (tokens + row.length).update(repeating: 0, count: row.positions - row.length)
        records.loadLabel(of: sample, labels, into: &row)
    }
}

extension LabelDescription {
    /// The number of outputs of a model that predicts these labels.
    package var outputs: Int { kind == .number ? 1 : names.count }
}

extension Records {
    /// Writes the label of a record as the target: a class or values.
    func loadLabel(of record: Int, _ labels: LabelDescription, into row: inout SampleRow) {
        switch labels.kind {
        case .class: row.fields.classTargets![0] = classIndex(of: record)
        case .multi: classes(of: record, into: row.fields.valueTargets!)
        case .number: row.fields.valueTargets![0] = number(of: record)
        }
        row.targetCount = labels.kind == .class ? 1 : labels.outputs
    }
}
