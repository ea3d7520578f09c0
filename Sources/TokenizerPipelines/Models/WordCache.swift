import Glibc
import Synchronization

/// The tokens of words that were encoded before: a text consists largely of few words. Memory is fixed.
///
/// Each word has one slot, by its hash, and replaces the word that is there. A cache is used by one thread at a time.
package final class WordCache {
    /// Longer words are not kept.
    package static let wordBytesLimit = 63
    /// Words of more tokens are not kept.
    private static let tokenLimit = 15
    private static let slotBits: UInt64 = 15

    /// A slot is two cache lines: the length of the word (0: an empty slot) and its bytes; the number of tokens and the
    /// tokens.
    private static let slotBytes = 128
    private static let tokenOffset = 64

    private let slots: UnsafeMutableRawPointer

    init() {
        // Memory that is never touched needs no page.
        slots = calloc(1 << WordCache.slotBits, WordCache.slotBytes)!
    }

    deinit { free(slots) }

    /// Appends the tokens of a word, computed by `encode` if they are not known.
    @inline(__always) package func append(
        _ word: UnsafeBufferPointer<UInt8>, to result: inout [Int32], _ encode: (inout [Int32]) -> Void
    ) {
        guard word.count <= WordCache.wordBytesLimit, !word.isEmpty else { return encode(&result) }
        let slot = slots + Int(truncatingIfNeeded: hashOfBytes(word) >> (64 - WordCache.slotBits)) * WordCache.slotBytes
        let tokens = (slot + WordCache.tokenOffset).assumingMemoryBound(to: Int32.self)
        if Int(slot.load(as: UInt8.self)) == word.count, memcmp(slot + 1, word.baseAddress!, word.count) == 0 {
            if tokens[0] == 1 { return result.append(tokens[1]) }
            return result.append(contentsOf: UnsafeBufferPointer(start: tokens + 1, count: Int(tokens[0])))
        }
        let first = result.count
        encode(&result)
        let count = result.count - first
        guard count <= WordCache.tokenLimit else { return }
        slot.storeBytes(of: UInt8(word.count), as: UInt8.self)
        memcpy(slot + 1, word.baseAddress!, word.count)
        tokens[0] = Int32(count)
        for index in 0..<count { tokens[index + 1] = result[first + index] }
    }
}

/// Caches that are not in use by a thread.
package final class WordCachePool: Sendable {
    /// `@unchecked Sendable`: a cache is handed to one thread at a time.
    private struct Item: @unchecked Sendable {
        let cache: WordCache
    }

    private let free = Mutex<[Item]>([])

    package init() {}

    /// Calls `body` with a cache of which no other thread knows.
    package func withCache<Result, Problem: Error>(
        _ body: (WordCache) throws(Problem) -> Result
    ) throws(Problem) -> Result {
        let item = free.withLock { $0.popLast() } ?? Item(cache: WordCache())
        defer { free.withLock { $0.append(item) } }
        return try body(item.cache)
    }
}
