import Failures

/// Samples for causal language modelling: T tokens, each with the next token as its target.
///
/// Sample i covers the tokens i·T ... i·T + T. Consecutive samples share one token, so every token but the first is a
/// target exactly once. The last sample may be shorter and is padded.
package final class CausalSamples: Samples {
    package let count: Int
    package let shape: BatchShape
    /// The token that ends a document; nil if attention crosses document boundaries.
    private let documentEnd: Int32?
    private let stream: TokenStream
    private let window: UnsafeMutablePointer<Int32>

    /// The samples of `stream`.
    ///
    /// - Parameter documentEnd: The token that ends a document, if there must be no attention across document
    ///   boundaries; nil: every position attends to all earlier ones.
    /// - Throws: `badData` if the split is shorter than one context, `usage` if the context length is not positive.
    package init(_ stream: TokenStream, contextLength: Int, documentEnd: Int32? = nil) throws(Failure) {
        // Every token except the first is a target.
        try stream.require(contextLength, extra: 1)
        self.documentEnd = documentEnd
        self.stream = stream
        var shape = BatchShape(positions: contextLength)
        shape.hasDocuments = documentEnd != nil
        self.shape = shape
        count = (stream.tokenCount - 2) / contextLength + 1
        window = .allocate(capacity: contextLength + 1)
    }

    deinit { window.deallocate() }

    package func length(of sample: Int) -> Int { shape.positions }

    /// - Complexity: O(T); allocates nothing.
    package func load(_ sample: Int, _ draw: SampleDraw, into row: inout SampleRow) throws(Failure) {
        precondition(sample >= 0 && sample < count, "sample outside the split")
        let first = sample * shape.positions
        let targetCount = min(shape.positions, stream.tokenCount - 1 - first)
        try stream.read(at: first, count: targetCount + 1, into: window)
        let tokens = row.fields.tokens!
        tokens.update(from: window, count: targetCount)
        row.fields.classTargets!.update(from: window + 1, count: targetCount)
        row.pad(from: targetCount)
        row.targetCount = targetCount
        guard let documentEnd, let documentStarts = row.fields.documentStarts else { return }
        var start = 0
        for position in 0..<shape.positions {
            if position > 0, tokens[position - 1] == documentEnd { start = position }
            documentStarts[position] = Int32(start)
        }
    }
}
