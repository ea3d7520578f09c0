import Datasets
import Failures
import Tokenizers

extension Records {
    /// The text of a record in a column, as the tokenizer decodes it.
    ///
    /// - Parameter limit: The most tokens that are decoded, from the first.
    /// - Throws: `badData` for a token outside the vocabulary.
    func text(
        _ record: Int, _ column: RecordColumn, _ tokenizer: any Tokenizer, limit: Int = .max
    ) throws(Failure) -> String {
        var tokens = [Int32](repeating: 0, count: min(limit, length(record, column)))
        try read(record, column, from: 0, count: tokens.count, into: &tokens)
        return String(decoding: tokenizer.decode(tokens), as: UTF8.self)
    }
}
