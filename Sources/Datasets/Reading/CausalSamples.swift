import Failures

/// A split as samples of causal language modelling: T tokens, and for each the token that follows it.
///
/// Sample i covers the tokens i·T ... i·T + T. Neighbours share one token, so that every token but the first is a
/// target exactly once. The last sample may be short; it is padded, so nothing is lost. For one thread at a time.
package final class CausalSamples {
    /// T: positions in a sample.
    package let contextLength: Int
    /// The number of samples, at least 1.
    package let count: Int
    private let stream: TokenStream
    private let window: UnsafeMutablePointer<Int32>

    /// The samples of `stream`.
    ///
    /// - Throws: `badData` for a split that is shorter than one context, `usage` for a context of no token.
    package init(_ stream: TokenStream, contextLength: Int) throws(Failure) {
        guard contextLength > 0 else {
            throw Failure(.usage, "data.context_length is \(contextLength); at least 1 is needed.")
        }
        // All but the first token are targets.
        let targetCount = stream.tokenCount - 1
        guard targetCount >= contextLength else {
            let remedy =
                targetCount > 0
                ? "Prepare more text, or set data.context_length to at most \(targetCount)." : "Prepare more text."
            throw Failure(
                .badData,
                "\(stream.name): \(stream.tokenCount) tokens; data.context_length \(contextLength) needs at least one "
                    + "token more than that in a split. \(remedy)")
        }
        self.contextLength = contextLength
        self.stream = stream
        count = (targetCount - 1) / contextLength + 1
        window = .allocate(capacity: contextLength + 1)
    }

    deinit { window.deallocate() }

    /// Reads a sample.
    ///
    /// - Parameters:
    ///   - sample: Its index, in 0..<count.
    ///   - inputs: The tokens, shape [T]; 0 where the split has ended.
    ///   - targets: The tokens one further, shape [T]; `TokenBatch.ignoredTarget` where the split has ended.
    /// - Returns: The number of targets that count.
    /// - Complexity: O(T); allocates nothing.
    package func load(
        _ sample: Int, inputs: UnsafeMutablePointer<Int32>, targets: UnsafeMutablePointer<Int32>
    ) throws(Failure) -> Int {
        precondition(sample >= 0 && sample < count, "sample outside the split")
        let first = sample * contextLength
        let targetCount = min(contextLength, stream.tokenCount - 1 - first)
        try stream.read(at: first, count: targetCount + 1, into: window)
        inputs.update(from: window, count: targetCount)
        targets.update(from: window + 1, count: targetCount)
        (inputs + targetCount).update(repeating: 0, count: contextLength - targetCount)
        (targets + targetCount).update(repeating: TokenBatch.ignoredTarget, count: contextLength - targetCount)
        return targetCount
    }
}
