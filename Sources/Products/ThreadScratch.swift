import Failures
import Glibc
import Tensors

/// The per-thread scratch buffers of kernels, one for each use.
///
/// A buffer grows to the largest size requested and lives as long as the thread.
package struct ThreadScratch {
    /// The use of a buffer.
    package enum Use: Int, CaseIterable {
        /// A matmul's packed A and B panels, partial sums, bias, and a block that is loaded from or stored to C.
        case left, right, sums, bias, edge
        /// The sums of one register kernel.
        case tile
        /// The scores of a block of queries, and their gradients.
        case scores
        /// A head's packed keys and values, and a block of its queries and output gradients.
        case keys, transposedKeys, values, queries, outputGradients
        /// A head's gradients of keys and values, and the output or gradient of a block of queries.
        case keyGradients, valueGradients, queryRows
    }

    private let buffers: UnsafeMutablePointer<UnsafeMutableRawBufferPointer>

    private init() {
        buffers = .allocate(capacity: Use.allCases.count)
        buffers.initialize(repeating: .init(start: nil, count: 0), count: Use.allCases.count)
    }

    /// Returns at least `bytes` bytes for `use`, aligned to 4096 bytes; growing a buffer discards its contents.
    package func memory(_ use: Use, bytes: Int) -> UnsafeMutableRawPointer {
        if let base = buffers[use.rawValue].baseAddress, buffers[use.rawValue].count >= bytes { return base }
        buffers[use.rawValue].deallocate()
        buffers[use.rawValue] = .init(start: numberMemory(bytes: bytes, alignment: 4096), count: bytes)
        return buffers[use.rawValue].baseAddress!
    }

    /// Returns space for at least `count` elements for `use`.
    package func floats(_ use: Use, _ count: Int) -> UnsafeMutablePointer<Float> {
        memory(use, bytes: count * MemoryLayout<Float>.stride).assumingMemoryBound(to: Float.self)
    }

    /// Returns space for at least `count` words of 32 bits for `use`.
    package func words(_ use: Use, _ count: Int) -> UnsafeMutablePointer<UInt32> {
        memory(use, bytes: count * MemoryLayout<UInt32>.stride).assumingMemoryBound(to: UInt32.self)
    }

    /// The calling thread's buffers.
    package static var ofThread: ThreadScratch {
        if let memory = pthread_getspecific(key) {
            return ThreadScratch(buffers: memory.assumingMemoryBound(to: UnsafeMutableRawBufferPointer.self))
        }
        let scratch = ThreadScratch()
        pthread_setspecific(key, scratch.buffers)
        return scratch
    }

    private init(buffers: UnsafeMutablePointer<UnsafeMutableRawBufferPointer>) { self.buffers = buffers }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let status = pthread_key_create(&key) { memory in
            guard let memory else { return }
            let buffers = memory.assumingMemoryBound(to: UnsafeMutableRawBufferPointer.self)
            for use in Use.allCases { buffers[use.rawValue].deallocate() }
            buffers.deallocate()
        }
        require(status == 0, "pthread_key_create returned \(status)")
        return key
    }()
}
