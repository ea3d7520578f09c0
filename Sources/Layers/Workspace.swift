import Kernels
import Profiling
import Tensors

/// Scratch memory that the layers of one replica take turns with.
///
/// Each use has a buffer of its own that grows to what the first step needs and is never given back: memory that goes
/// back to the system between steps faults in again page by page.
package final class Workspace {
    /// What a buffer is for. Two uses never share memory.
    package enum Use: Int, CaseIterable {
        /// The output of a sublayer before it joins the residual stream.
        case branch
        /// The gradient of the residual stream, of a sublayer's output, and of what lies inside a sublayer.
        case streamGradient, branchGradient, innerGradient
        /// The gradients of what an encoder gives a decoder, and of a pooled row for each sequence.
        case memoryGradient, pooledGradient
        /// A block of rows of logits.
        case logits
        /// The rows that have a target: their numbers, their hidden states, and the gradients of those.
        case targetRows, gathered, gatheredGradient
        /// The transform before a head, and the statistics of its normalization.
        case headTransform, headStatistics
        /// Sums over rows, as wide as a layer.
        case sums
        /// Rows of the same token, linked.
        case links
        /// The loss of each row.
        case losses
    }

    /// Notes where the time of the layers goes.
    package let spans: SpanRecorder
    private var buffers = [UnsafeMutableRawBufferPointer?](repeating: nil, count: Use.allCases.count)

    /// A workspace without memory yet.
    package init(spans: SpanRecorder = SpanRecorder()) { self.spans = spans }

    deinit { for buffer in buffers { buffer?.deallocate() } }

    /// `count` numbers of the buffer for `use`; what stood there before is undefined.
    package func floats(_ use: Use, _ count: Int) -> UnsafeMutablePointer<Float> {
        numbers(use, count, Float.self)
    }

    /// `count` integers of the buffer for `use`.
    package func integers(_ use: Use, _ count: Int) -> UnsafeMutablePointer<Int32> { numbers(use, count, Int32.self) }

    /// `count` numbers of one type of the buffer for `use`.
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
