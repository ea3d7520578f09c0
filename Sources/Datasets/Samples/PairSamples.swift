import Failures

/// Samples for sequence-to-sequence learning.
///
/// The encoder's input is the source and an end token. The decoder's input is a begin token and the target; its targets
/// are the target and an end token.
///
/// - Source: Sutskever, Vinyals & Le 2014, arXiv:1409.3215.
package final class PairSamples: Samples {
    package let count: Int
    package let shape: BatchShape
    package var truncatedCount: Int { limit.truncatedCount }
    private let records: Records
    private let limit: SequenceLimit
    private let begin: Int32
    private let end: Int32
    private let noise: TokenNoise
    private let subwords: SubwordNoise

    /// The samples of `records`.
    ///
    /// - Parameter truncates: Whether longer pairs are truncated to the context.
    /// - Throws: `badData` if a pair is longer than the context and `truncates` is false.
    package init(
        _ records: Records, contextLength: Int, begin: Int32, end: Int32, truncates: Bool, noise: TokenNoise,
        subwords: SubwordNoise = SubwordNoise(nil)
    ) throws(Failure) {
        self.records = records
        self.begin = begin
        self.end = end
        self.noise = noise
        self.subwords = subwords
        count = records.count
        limit = try SequenceLimit(
            records, [.source, .target], contextLength: contextLength, truncates: truncates)
        var shape = BatchShape(positions: contextLength)
        shape.hasLengths = true
        shape.hasSource = true
        self.shape = shape
    }

    package func length(of sample: Int) -> Int {
        // Orders pairs by target length, then by source length.
        limit.length(records, sample, .target) * (shape.positions + 1) + limit.length(records, sample, .source)
    }

    /// - Complexity: O(T); allocates nothing, except for other segmentations.
    package func load(_ sample: Int, _ draw: SampleDraw, into row: inout SampleRow) throws(Failure) {
        let (sourceTokens, tokens, targets) = (row.fields.sourceTokens!, row.fields.tokens!, row.fields.classTargets!)
        var sourceLength = limit.length(records, sample, .source)
        try records.read(sample, .source, from: 0, count: sourceLength, into: sourceTokens)
        sourceLength = subwords.apply(sourceTokens, count: sourceLength, limit: row.positions - 1, column: 0, draw)
        sourceLength = noise.apply(sourceTokens, count: sourceLength, draw)
        sourceTokens[sourceLength] = end
        row.sourceLength = sourceLength + 1
        (sourceTokens + sourceLength + 1).update(repeating: 0, count: row.positions - sourceLength - 1)

        var length = limit.length(records, sample, .target)
        tokens[0] = begin
        try records.read(sample, .target, from: 0, count: length, into: targets)
        length = subwords.apply(targets, count: length, limit: row.positions - 1, column: 1, draw)
        (tokens + 1).update(from: targets, count: length)
        targets[length] = end
        row.targetCount = length + 1
        row.pad(from: length + 1)
    }
}
