/// The tokens of words that were encoded before. A cache is used by one thread at a time.
final class WordCache {
    private struct Slot {
        var hash: UInt64 = 0
        var start: Int32 = 0
        var tokenStart: Int32 = 0
        var tokenCount: Int32 = 0
        /// 0: free.
        var byteCount: Int32 = 0
    }

    /// Longer words are not kept.
    static let wordBytesLimit = 64
    private static let slotCount = 1 << 16
    private static let bytesLimit = 2 << 20

    private var slots = [Slot](repeating: Slot(), count: WordCache.slotCount)
    private var bytes: [UInt8] = []
    private var tokens: [Int32] = []

    /// Appends the tokens of a word, computed by `encode` if they are not known.
    @inline(__always) func append(
        _ word: UnsafeBufferPointer<UInt8>, to result: inout [Int32], _ encode: (inout [Int32]) -> Void
    ) {
        guard word.count <= WordCache.wordBytesLimit, !word.isEmpty else { return encode(&result) }
        let hash = hashOfBytes(word)
        let index = Int(truncatingIfNeeded: hash >> 20) & (WordCache.slotCount - 1)
        let slot = slots[index]
        if slot.hash == hash, Int(slot.byteCount) == word.count, isStored(word, Int(slot.start)) {
            let start = Int(slot.tokenStart)
            if slot.tokenCount == 1 {
                result.append(tokens[start])
            } else {
                result.append(contentsOf: tokens[start..<start + Int(slot.tokenCount)])
            }
            return
        }
        let first = result.count
        encode(&result)
        if bytes.count + word.count > WordCache.bytesLimit { clear() }
        slots[index] = Slot(
            hash: hash, start: Int32(bytes.count), tokenStart: Int32(tokens.count),
            tokenCount: Int32(result.count - first), byteCount: Int32(word.count))
        bytes += word
        tokens += result[first...]
    }

    @inline(__always) private func isStored(_ word: UnsafeBufferPointer<UInt8>, _ start: Int) -> Bool {
        bytes.withUnsafeBufferPointer { bytes in
            var index = 0
            while index < word.count {
                if bytes[start + index] != word[index] { return false }
                index += 1
            }
            return true
        }
    }

    private func clear() {
        for index in slots.indices { slots[index].byteCount = 0 }
        bytes.removeAll(keepingCapacity: true)
        tokens.removeAll(keepingCapacity: true)
    }
}
