import Datasets
import Failures
import Tokenizers

/// The records of a dataset's validation split, or those of the datasets of a mixture one after another: in the order
/// of the samples of `TrainingData.validation`.
struct ValidationRecords {
    /// The splits, with the name of their dataset in a mixture and the index of their first record.
    private let parts: [(name: String?, first: Int, records: Records)]

    /// Opens the validation splits of `data`.
    ///
    /// - Throws: `badData` if a file cannot be read.
    init(_ data: TrainingData) throws(Failure) {
        var parts: [(name: String?, first: Int, records: Records)] = []
        var first = 0
        let names = data.partNames
        for (index, part) in data.parts.enumerated() where part.count(.validation) > 0 {
            let records = try part.records(.validation)
            parts.append((names.isEmpty ? nil : names[index], first, records))
            first += records.count
        }
        self.parts = parts
    }

    /// The indices of about `limit` records, as many from the beginning of each dataset; nil: all records.
    func indices(limit: Int?) -> [Int] {
        parts.flatMap { part in
            let count = limit.map { max(1, $0 / parts.count) } ?? part.records.count
            return part.first..<part.first + min(count, part.records.count)
        }
    }

    /// The name of the dataset of a record in a mixture, nil without one, and the index of the record there.
    func place(of record: Int) -> (part: String?, record: Int) {
        let part = part(of: record)
        return (part.name, record - part.first)
    }

    /// The text of a record in a column, as the tokenizer decodes it.
    ///
    /// - Throws: `badData` for a token outside the vocabulary.
    func text(_ record: Int, _ column: RecordColumn, _ tokenizer: any Tokenizer) throws(Failure) -> String {
        let part = part(of: record)
        return try part.records.text(record - part.first, column, tokenizer)
    }

    private func part(of record: Int) -> (name: String?, first: Int, records: Records) {
        parts.last { $0.first <= record }!
    }
}
