import Failures
import Tensors

/// Samples for learning to answer: the tokens of a conversation, of which those that the assistant writes are targets.
///
/// A conversation of n tokens has n − 1 positions, each with the next token as its target if the assistant writes that
/// token. A longer conversation than the context is cut at its end; if no target is left, it is dropped.
package final class ChatSamples: Samples {
    package let count: Int
    package let shape: BatchShape
    package let truncatedCount: Int
    package let droppedCount: Int
    private let records: Records
    /// The records that are not dropped, in order; nil: all.
    private let kept: [Int32]?
    /// The tokens of a record and whether the assistant writes each, at most T + 1 of them.
    private let tokens: UnsafeMutablePointer<Int32>
    private let isAnswer: UnsafeMutablePointer<Int32>

    /// The samples of `records`.
    ///
    /// - Parameter truncates: Whether longer conversations are cut or dropped.
    /// - Throws: `badData` for the first conversation that is too long if `truncates` is false, or if all are dropped.
    /// - Complexity: O(records), and reads the marks of the longer ones.
    package init(_ records: Records, contextLength: Int, truncates: Bool) throws(Failure) {
        self.records = records
        var shape = BatchShape(positions: contextLength)
        shape.hasLengths = true
        self.shape = shape
        let isAnswer = UnsafeMutablePointer<Int32>.allocate(capacity: contextLength + 1)
        self.isAnswer = isAnswer
        tokens = .allocate(capacity: contextLength + 1)
        var (kept, truncated): ([Int32], Int) = ([], 0)
        for record in 0..<records.count {
            let length = records.length(record, .text)
            guard length == records.length(record, .answer) else {
                throw Failure(
                    .badData,
                    "\(records.name), record \(record + 1): has \(length) tokens and \(records.length(record, .answer)) "
                        + "marks of answers. \(Records.advice)")
            }
            if length > contextLength + 1 {
                guard truncates else {
                    throw Failure(
                        .badData,
                        "\(records.name), record \(record + 1): the conversation has \(length) tokens; "
                            + "data.context_length \(contextLength) allows at most \(contextLength + 1). Raise "
                            + "data.context_length, or set data.truncate to true, which cuts it at its end.")
                }
                try records.read(record, .answer, from: 0, count: contextLength + 1, into: isAnswer)
                guard (1...contextLength).contains(where: { isAnswer[$0] != 0 }) else { continue }
                truncated += 1
            }
            kept.append(Int32(record))
        }
        guard !kept.isEmpty || records.count == 0 else {
            throw Failure(
                .badData,
                "\(records.name): no conversation has a token of an answer within data.context_length "
                    + "\(contextLength). Raise data.context_length.")
        }
        count = kept.count
        truncatedCount = truncated
        droppedCount = records.count - kept.count
        self.kept = kept.count == records.count ? nil : kept
    }

    deinit {
        tokens.deallocate()
        isAnswer.deallocate()
    }

    package func length(of sample: Int) -> Int {
        min(shape.positions, max(1, records.length(record(sample), .text) - 1))
    }

    /// - Complexity: O(T); allocates nothing.
    package func load(_ sample: Int, _ draw: SampleDraw, into row: inout SampleRow) throws(Failure) {
        let record = record(sample)
        let count = min(shape.positions + 1, records.length(record, .text))
        try records.read(record, .text, from: 0, count: count, into: tokens)
        try records.read(record, .answer, from: 0, count: count, into: isAnswer)
        let (inputs, targets) = (row.fields.tokens!, row.fields.classTargets!)
        row.targetCount = 0
        for position in 0..<count - 1 {
            inputs[position] = tokens[position]
            let isTarget = isAnswer[position + 1] != 0
            targets[position] = isTarget ? tokens[position + 1] : ignoredTarget
            row.targetCount += isTarget ? 1 : 0
        }
        row.pad(from: count - 1)
    }

    private func record(_ sample: Int) -> Int { kept.map { Int($0[sample]) } ?? sample }
}
