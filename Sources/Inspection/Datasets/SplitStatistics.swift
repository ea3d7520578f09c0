import Datasets
import Failures
import Tokenizers

/// The statistics of one split.
struct SplitStatistics {
    /// The number of records; for text, the number of documents, or 0 if it has none.
    private(set) var records = 0
    /// The lengths of the records in tokens, by column; those of documents for text.
    private(set) var lengths: [(name: String, lengths: LengthCounts)] = []
    /// nil for images.
    private(set) var tokens: TokenCounts?
    private(set) var labels: LabelBalance?
    /// The number of records of which a column is longer than the context.
    private(set) var longerRecords = 0
    /// The number of tokens beyond the context.
    private(set) var cutTokens = 0
    /// The number of positions that sequences as long as the context pad.
    private(set) var paddedPositions = 0
    /// The number of all positions of those sequences.
    private(set) var positions = 0

    /// The number of tokens to read at once.
    private static let blockTokens = 1 << 14

    /// Reads a whole split.
    ///
    /// - Parameters:
    ///   - contextLength: The context to compare lengths with.
    ///   - sketch: Receives the contents of the records, or passages of text.
    ///   - progress: Called with the number of tokens or records just read.
    /// - Throws: `badData` if the dataset is damaged.
    init(
        _ dataset: Dataset, _ split: Split, contextLength: Int, _ tokenizer: any Tokenizer,
        _ sketch: inout DuplicateSketch, progress: (Int) -> Void
    ) throws(Failure) {
        if dataset.kind != .images { tokens = TokenCounts(tokenizer) }
        if dataset.kind == .text {
            try readText(dataset, split, contextLength, &sketch, progress)
        } else {
            try readRecords(dataset, split, contextLength, &sketch, progress)
        }
    }

    private mutating func readText(
        _ dataset: Dataset, _ split: Split, _ contextLength: Int, _ sketch: inout DuplicateSketch,
        _ progress: (Int) -> Void
    ) throws(Failure) {
        let stream = dataset.stream(split)
        let end = dataset.specialTokens.eos
        var (documents, passages, length) = (LengthCounts(), PassageHashes(), 0)
        let block = UnsafeMutablePointer<Int32>.allocate(capacity: SplitStatistics.blockTokens)
        defer { block.deallocate() }
        for start in stride(from: 0, to: stream.tokenCount, by: SplitStatistics.blockTokens) {
            let count = min(SplitStatistics.blockTokens, stream.tokenCount - start)
            try stream.read(at: start, count: count, into: block)
            let read = UnsafeBufferPointer(start: block, count: count)
            tokens?.add(read)
            for token in read {
                if token == end {
                    documents.add(length)
                    if length > contextLength { longerRecords += 1 }
                    length = 0
                    passages.restart()
                } else {
                    length += 1
                    if let hash = passages.append(token) { sketch.add(hash, in: split) }
                }
            }
            progress(count)
        }
        records = documents.count
        if documents.count > 0 { lengths = [("document", documents)] }
    }

    private mutating func readRecords(
        _ dataset: Dataset, _ split: Split, _ contextLength: Int, _ sketch: inout DuplicateSketch,
        _ progress: (Int) -> Void
    ) throws(Failure) {
        let all = try dataset.records(split)
        records = all.count
        let columns = dataset.kind.columns
        var counts = columns.map { _ in LengthCounts() }
        let limit = max(0, contextLength - RecordColumn.addedTokenCount)
        let block = UnsafeMutablePointer<Int32>.allocate(capacity: SplitStatistics.blockTokens)
        defer { block.deallocate() }
        let pixels = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, dataset.imageShape?.byteCount ?? 0))
        defer { pixels.deallocate() }
        for record in 0..<all.count {
            var (hash, isLonger) = (ContentHash(), false)
            for (index, column) in columns.enumerated() {
                let length = all.length(record, column)
                counts[index].add(length)
                for start in stride(from: 0, to: length, by: SplitStatistics.blockTokens) {
                    let count = min(SplitStatistics.blockTokens, length - start)
                    try all.read(record, column, from: start, count: count, into: block)
                    let read = UnsafeBufferPointer(start: block, count: count)
                    tokens?.add(read)
                    for token in read { hash.append(UInt64(UInt32(bitPattern: token))) }
                }
                // Different from every token.
                hash.append(UInt64.max)
                isLonger = isLonger || length > limit
                cutTokens += max(0, length - limit)
                paddedPositions += max(0, limit - length)
                positions += contextLength
            }
            if let image = dataset.imageShape {
                try all.pixels(of: record, into: pixels)
                for index in 0..<image.byteCount { hash.append(UInt64(pixels[index])) }
            }
            if isLonger { longerRecords += 1 }
            sketch.add(hash.value, in: split)
            if record % 1024 == 1023 { progress(1024) }
        }
        lengths = zip(columns, counts).map { ($0.rawValue, $1) }
        if let labels = dataset.labels { self.labels = LabelBalance(labels, all) }
    }
}
