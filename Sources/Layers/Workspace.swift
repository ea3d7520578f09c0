import Profiling
import Tensors

/// The scratch memory shared by the layers of one replica.
///
/// Each use has its own buffer, which grows to the largest size requested and is never freed: memory that is returned
/// to the system between steps would page-fault again.
package final class Workspace {
    /// The use of a buffer. Different uses never share memory.
    package enum Use: Int, CaseIterable {
        /// The output of a sublayer before the residual addition.
        case branch
        /// The gradients of the residual stream, of a sublayer's output, and of activations inside a sublayer.
        case streamGradient, branchGradient, innerGradient
        /// The gradient of a linear layer's output, rounded to bfloat16.
        case roundedGradient
        /// The gradients of the encoder's output, and of the pooled rows.
        case memoryGradient, pooledGradient
        /// A block of rows of logits.
        case logits
        /// The rows that have a target: their indices, their hidden states, and the gradients of these hidden states.
        case targetRows, gathered, gatheredGradient
        /// The activations of the head's transform, and the statistics of its normalization.
        case headTransform, headStatistics
        /// Queries or keys during their normalization, and their gradients.
        case heads
        /// The gradients of the biases of scores, for each sequence.
        case biasGradients
        /// The gradient of a parallel block's output.
        case blockGradient
        /// Sums over rows, with one element per column.
        case sums
        /// Linked lists of the rows of each token.
        case links
        /// The loss of each row.
        case losses
        /// The rows between the matrices of an adapter, and their gradients.
        case adapterRows
        /// The inputs of an adapter after dropout, or their gradients.
        case adapterInputs
        /// The gradient of a matrix of an adapter before it is rounded.
        case adapterSums
        /// Gradients of frozen weights, which nothing reads.
        case unread
        /// The tokens among which each prediction chooses.
        case candidates
    }

    /// Records the time spans of the layers.
    package let spans: SpanRecorder
    private var buffers = [UnsafeMutableRawBufferPointer?](repeating: nil, count: Use.allCases.count)

    /// An empty workspace.
    package init(spans: SpanRecorder = SpanRecorder()) { self.spans = spans }

    deinit { for buffer in buffers { buffer?.deallocate() } }

    /// Returns the buffer for `use` as `count` Float32 values, with undefined contents.
    package func floats(_ use: Use, _ count: Int) -> UnsafeMutablePointer<Float> {
        numbers(use, count, Float.self)
    }

    /// Returns the buffer for `use` as `count` integers, with undefined contents.
    package func integers(_ use: Use, _ count: Int) -> UnsafeMutablePointer<Int32> { numbers(use, count, Int32.self) }

    /// Returns the buffer for `use` as `count` elements of type `Number`, with undefined contents.
    package func numbers<Number>(_ use: Use, _ count: Int, _: Number.Type) -> UnsafeMutablePointer<Number> {
        memory(use, bytes: count * MemoryLayout<Number>.stride).assumingMemoryBound(to: Number.self)
    }

    private func memory(_ use: Use, bytes: Int) -> UnsafeMutableRawPointer {
        if let buffer = buffers[use.rawValue], buffer.count >= bytes { return buffer.baseAddress! }
        buffers[use.rawValue]?.deallocate()
        let buffer = UnsafeMutableRawBufferPointer(start: numberMemory(bytes: bytes), count: bytes)
        buffers[use.rawValue] = buffer
        return buffer.baseAddress!
    }
}
