import Glibc

/// The tokens of words that were encoded before: a text consists largely of few words. Memory is fixed.
///
/// Each word has one slot, by its hash, and replaces the word that is there.
///
/// `@unchecked Sendable`: used by one thread at a time.
final class WordCache: @unchecked Sendable {
    /// The maximum length of a key in bytes.
    static let keyBytesLimit = 63
    /// The maximum number of tokens of a word.
    private static let tokenLimit = 15
    private static let slotBits = 15

    /// A slot is two cache lines: the length of the key (0: an empty slot) and its bytes; the number of tokens and the
    /// tokens.
    private static let slotBytes = 128
    private static let tokenOffset = 64

    private let slots: UnsafeMutableRawPointer
    private let scratch: UnsafeMutableRawBufferPointer

    /// A word's bytes and its slot.
    struct Key {
        let bytes: UnsafeRawBufferPointer
        fileprivate let slot: UnsafeMutableRawPointer
    }

    init() {
        // Memory that is never touched needs no page.
        slots = calloc(1 << WordCache.slotBits, WordCache.slotBytes)!
        scratch = .allocate(byteCount: WordCache.keyBytesLimit, alignment: 8)
    }

    deinit {
        free(slots)
        scratch.deallocate()
    }

    /// The key of a word; nil if it is too long. It is valid as long as the bytes of the word.
    func key(word: UnsafeRawBufferPointer) -> Key? {
        guard word.count <= WordCache.keyBytesLimit else { return nil }
        let slot = Int(truncatingIfNeeded: hashOfWord(word)) & (1 << WordCache.slotBits - 1)
        return Key(bytes: word, slot: slots + slot * WordCache.slotBytes)
    }

    /// The key of a space and a word; nil if it is too long. It is valid until the next call.
    func key(spaceAndWord word: UnsafeRawBufferPointer) -> Key? {
        guard word.count < WordCache.keyBytesLimit else { return nil }
        scratch[0] = UInt8(ascii: " ")
        UnsafeMutableRawBufferPointer(rebasing: scratch[1...]).copyMemory(from: word)
        return key(word: UnsafeRawBufferPointer(rebasing: scratch[...word.count]))
    }

    /// Appends the tokens of a word to `tokens`.
    ///
    /// - Returns: Whether the word was found.
    func append(_ key: Key, to tokens: inout [Int32]) -> Bool {
        let (bytes, slot) = (key.bytes, key.slot)
        guard Int(slot.load(as: UInt8.self)) == bytes.count, memcmp(slot + 1, bytes.baseAddress!, bytes.count) == 0
        else { return false }
        let stored = (slot + WordCache.tokenOffset).assumingMemoryBound(to: Int32.self)
        for index in 1...Int(stored[0]) { tokens.append(stored[index]) }
        return true
    }

    /// Stores the tokens of a word, unless there are none or too many.
    func store(_ key: Key, _ tokens: ArraySlice<Int32>) {
        guard (1...WordCache.tokenLimit).contains(tokens.count) else { return }
        let (bytes, slot) = (key.bytes, key.slot)
        slot.storeBytes(of: UInt8(bytes.count), as: UInt8.self)
        memcpy(slot + 1, bytes.baseAddress!, bytes.count)
        let stored = (slot + WordCache.tokenOffset).assumingMemoryBound(to: Int32.self)
        stored[0] = Int32(tokens.count)
        for (index, token) in tokens.enumerated() { stored[index + 1] = token }
    }
}

/// A multiplicative hash of a short text. Both its lower and its upper bits depend on all bytes.
func hashOfWord(_ word: UnsafeRawBufferPointer) -> UInt64 {
    let factor: UInt64 = 0x9E37_79B9_7F4A_7C15
    var hash = UInt64(truncatingIfNeeded: word.count)
    var index = 0
    while index + 8 <= word.count {
        hash = (hash ^ word.loadUnaligned(fromByteOffset: index, as: UInt64.self)) &* factor
        hash ^= hash >> 32
        index += 8
    }
    var rest: UInt64 = 0
    while index < word.count {
        rest = rest << 8 | UInt64(word[index])
        index += 1
    }
    hash = (hash ^ rest) &* factor
    hash = (hash ^ hash >> 32) &* factor
    return hash ^ hash >> 32
}
