import Glibc
import Tensors

/// The memory that a thread's kernels work in, its own for each use.
///
/// Each buffer grows to what its largest use needs and stays with the thread.
struct ThreadScratch {
    /// What a buffer is for.
    enum Use: Int, CaseIterable {
        /// A product's packed factors, its waiting sums, its bias, and a block on its way to where it is stored.
        case left, right, sums, bias, edge
        /// The scores of a block of queries, and their gradients.
        case scores
    }

    private let buffers: UnsafeMutablePointer<UnsafeMutableRawBufferPointer>

    private init() {
        buffers = .allocate(capacity: Use.allCases.count)
        buffers.initialize(repeating: .init(start: nil, count: 0), count: Use.allCases.count)
    }

    /// At least `bytes` bytes for `use`, aligned to pages; what stood there before is lost where it grows.
    func memory(_ use: Use, bytes: Int) -> UnsafeMutableRawPointer {
        if let base = buffers[use.rawValue].baseAddress, buffers[use.rawValue].count >= bytes { return base }
        buffers[use.rawValue].deallocate()
        buffers[use.rawValue] = .init(start: numberMemory(bytes: bytes, alignment: 4096), count: bytes)
        return buffers[use.rawValue].baseAddress!
    }

    /// At least `count` numbers for `use`.
    func floats(_ use: Use, _ count: Int) -> UnsafeMutablePointer<Float> {
        memory(use, bytes: count * MemoryLayout<Float>.stride).assumingMemoryBound(to: Float.self)
    }

    /// The calling thread's own.
    static var ofThread: ThreadScratch {
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
        precondition(status == 0, "no key for a thread's own memory: error \(status)")
        return key
    }()
}
