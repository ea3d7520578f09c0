/// Byte-pair encoding: a word's characters, or bytes, are joined in the order of the merges.
///
/// - Source: Sennrich, Haddow & Birch 2016, arXiv:1508.07909; on bytes, Radford et al. 2019 (GPT-2).
package struct BytePairModel: Sendable {
    /// The pieces; those of byte-level tokenizers as bytes of the text.
    var vocabulary: Vocabulary
    /// The rank of a merge in the upper half and the resulting token in the lower, by the two tokens that are joined.
    var merges: IntegerTable
    /// Whether a word is made of bytes instead of characters.
    var splitsBytes = false
    /// Whether a word that is a token is not split first.
    var ignoresMerges = false
    /// The token of characters without one; nil: they are left out.
    var unknown: Int32?
    /// Whether adjacent unknown characters become a single token.
    var fusesUnknown = false
    /// The tokens of single bytes, for characters without a token; -1 for those that do not exist; nil: not used.
    var byteTokens: [Int32]?
    /// What a piece has that does not begin a word.
    var prefix: [UInt8] = []
    /// What a piece has that ends a word.
    var suffix: [UInt8] = []

    /// The tokens of single characters, or bytes, by code point; computed by `prepare`.
    private var units = IntegerTable(capacity: 0)
    private var firstUnits = [Int32](repeating: -1, count: 256)
    /// The pairs of characters that occur side by side in a piece; nil if words cannot be cut by them.
    private var neighbours: IntegerTable?

    init(vocabulary: Vocabulary, merges: IntegerTable) { (self.vocabulary, self.merges) = (vocabulary, merges) }

    /// A model that merges any two pieces that together are one, the result with the highest score first and the
    /// leftmost of equals, as SentencePiece does; nil if that cannot be written as merges in a fixed order.
    ///
    /// - Parameters:
    ///   - pieces: The pieces with their numbers and scores, all without spaces behind other characters.
    ///   - byteTokens: The tokens of the 256 bytes, for characters without a piece.
    package init?(scored pieces: [(text: [UInt8], number: Int32, score: Float)], byteTokens: [Int32]) {
        var vocabulary = Vocabulary(capacity: pieces.count)
        for piece in pieces where !vocabulary.insert(piece.text, piece.number) { return nil }
        self.init(vocabulary: vocabulary, merges: IntegerTable(capacity: 4 * pieces.count))
        var (rank, last) = (Int64(0), Float.infinity)
        for piece in pieces.sorted(by: { $0.score > $1.score }) {
            let isOne = piece.text.withUnsafeBufferPointer { UTF8Text($0).scalar(at: 0).count == $0.count }
            if isOne { continue }
            // Of pieces with equal scores, the leftmost is merged first, which no order says.
            guard piece.score < last else { return nil }
            (rank, last) = (rank + 1, piece.score)
            for cut in piece.text.indices.dropFirst() where piece.text[cut] & 0xC0 != 0x80 {
                let (left, right) = (Array(piece.text[..<cut]), Array(piece.text[cut...]))
                // A character that is no piece is merged by SentencePiece nevertheless.
                guard let first = vocabulary.number(of: left), let second = vocabulary.number(of: right) else {
                    let parts = [left, right].filter { vocabulary.number(of: $0) == nil }
                    let isSingle = parts.contains { part in
                        part.withUnsafeBufferPointer { UTF8Text($0).scalar(at: 0).count == $0.count }
                    }
                    if isSingle { return nil }
                    continue
                }
                _ = merges.insert(IntegerTable.key(first, second), rank << 32 | Int64(piece.number))
            }
        }
        self.byteTokens = byteTokens
        prepare(pieces.map { ($0.text, $0.number) }, joinsBytes: false)
    }

    /// Computes the tables that follow from the pieces.
    ///
    /// - Parameter joinsBytes: Whether a merge joins the tokens of single bytes.
    mutating func prepare(_ pieces: [(bytes: [UInt8], number: Int32)], joinsBytes: Bool) {
        var neighbours = IntegerTable(capacity: 1 << 12)
        for (bytes, number) in pieces {
            if splitsBytes {
                if bytes.count == 1 { firstUnits[Int(bytes[0])] = number }
                continue
            }
            bytes.withUnsafeBufferPointer { bytes in
                let text = UTF8Text(bytes)
                var (index, last) = (0, UInt32.max)
                while index < bytes.count {
                    let (scalar, count) = text.scalar(at: index)
                    if count == bytes.count {
                        if scalar < 256 { firstUnits[Int(scalar)] = number }
                        _ = units.insert(UInt64(scalar), Int64(number))
                    }
                    if last != .max { _ = neighbours.insert(UInt64(last) << 32 | UInt64(scalar), 0) }
                    (index, last) = (index + count, scalar)
                }
            }
        }
        let isUncut = splitsBytes || ignoresMerges || !prefix.isEmpty || !suffix.isEmpty || joinsBytes
        self.neighbours = isUncut ? nil : neighbours
    }

    /// The merges in their order.
    var mergeList: [TokenizerPipeline.Merge] {
        merges.entries.sorted { $0.value < $1.value }.map { key, value in
            TokenizerPipeline.Merge(
                left: Int32(truncatingIfNeeded: key >> 32), right: Int32(truncatingIfNeeded: key),
                result: Int32(truncatingIfNeeded: value))
        }
    }

    /// Whether any two pieces are merged that together are one of `pieces`.
    func mergesEveryPair(of pieces: [[UInt8]]) -> Bool {
        pieces.allSatisfy { piece in
            piece.withUnsafeBufferPointer { bytes in
                bytes.indices.dropFirst().allSatisfy { cut in
                    guard bytes[cut] & 0xC0 != 0x80,
                        let left = vocabulary.number(of: UnsafeBufferPointer(rebasing: bytes[..<cut])),
                        let right = vocabulary.number(of: UnsafeBufferPointer(rebasing: bytes[cut...]))
                    else { return true }
                    return merges[IntegerTable.key(left, right)] >= 0
                }
            }
        }
    }

    /// The token of a single character; -1 if it has none.
    @inline(__always) private func unit(_ scalar: UInt32) -> Int32 {
        scalar < 256 ? firstUnits[Int(scalar)] : Int32(truncatingIfNeeded: units[UInt64(scalar)])
    }

    /// Whether no token contains both sides of a place between two characters that have tokens.
    func neverJoins(_ left: UInt32, _ right: UInt32) -> Bool {
        guard let neighbours else { return false }
        return unit(left) >= 0 && unit(right) >= 0 && neighbours[UInt64(left) << 32 | UInt64(right)] < 0
    }

    /// Appends the tokens of a word.
    package func encode(_ word: UnsafeBufferPointer<UInt8>, _ cache: WordCache, into tokens: inout [Int32]) {
        if neighbours != nil, word.count > WordCache.wordBytesLimit / 2 {
            // What never joins is encoded separately, and found in the cache more often.
            let text = UTF8Text(word)
            var (start, index, last) = (0, 0, UInt32.max)
            while index < word.count {
                let (scalar, count) = text.scalar(at: index)
                if last != .max, neverJoins(last, scalar) {
                    encodePart(UnsafeBufferPointer(rebasing: word[start..<index]), cache, into: &tokens)
                    start = index
                }
                (index, last) = (index + count, scalar)
            }
            encodePart(UnsafeBufferPointer(rebasing: word[start...]), cache, into: &tokens)
        } else {
            encodePart(word, cache, into: &tokens)
        }
    }

    @inline(__always) private func encodePart(
        _ part: UnsafeBufferPointer<UInt8>, _ cache: WordCache, into tokens: inout [Int32]
    ) {
        if part.count == 1, suffix.isEmpty, !ignoresMerges, case let token = firstUnits[Int(part[0])], token >= 0,
            splitsBytes || part[0] < 0x80
        {
            return tokens.append(token)
        }
        cache.append(part, to: &tokens) { encodeAnew(part, into: &$0) }
    }

    /// Appends the tokens of a word that is not in the cache.
    private func encodeAnew(_ word: UnsafeBufferPointer<UInt8>, into tokens: inout [Int32]) {
        if ignoresMerges, let token = vocabulary.number(of: word) { return tokens.append(token) }
        let first = tokens.count
        if splitsBytes, suffix.isEmpty, prefix.isEmpty, unknown == nil {
            for byte in word where firstUnits[Int(byte)] >= 0 { tokens.append(firstUnits[Int(byte)]) }
        } else {
            appendUnits(word, to: &tokens)
        }
        let count = tokens.count - first
        guard count > 1 else { return }
        let left = tokens.withUnsafeMutableBufferPointer { tokens in
            let word = UnsafeMutableBufferPointer(rebasing: tokens[first...])
            return count <= 40 ? mergeShort(word) : mergeLong(word)
        }
        tokens.removeLast(count - left)
    }

    /// Appends the tokens of the word's characters or bytes.
    private func appendUnits(_ word: UnsafeBufferPointer<UInt8>, to tokens: inout [Int32]) {
        let text = UTF8Text(word)
        var index = 0
        /// An unknown character whose token is added before the next known one.
        var pending = false
        while index < word.count {
            let (scalar, count) = splitsBytes ? (UInt32(word[index]), 1) : text.scalar(at: index)
            let end = index + count
            var token: Int32
            if prefix.isEmpty && suffix.isEmpty || index > 0 && end < word.count && prefix.isEmpty {
                token = splitsBytes ? firstUnits[Int(word[index])] : unit(scalar)
            } else {
                let piece = (index > 0 ? prefix : []) + word[index..<end] + (end == word.count ? suffix : [])
                token = vocabulary.number(of: piece) ?? -1
            }
            if token >= 0 {
                if pending { tokens.append(unknown!) }
                pending = false
                tokens.append(token)
            } else if let byteTokens, case let bytes = word[index..<end].map({ byteTokens[Int($0)] }),
                bytes.allSatisfy({ $0 >= 0 })
            {
                tokens += bytes
            } else if let unknown {
                if pending, !fusesUnknown { tokens.append(unknown) }
                pending = true
            }
            index = end
        }
        if pending { tokens.append(unknown!) }
    }

    // MARK: Merging

    /// The merge of two tokens, its rank in the upper half; `Int64.max` if there is none.
    @inline(__always) private func merge(_ left: Int32, _ right: Int32) -> Int64 {
        let found = merges[IntegerTable.key(left, right)]
        return found < 0 ? .max : found
    }

    /// Merges a short word in place and returns its new length: the whole word is searched for the next merge.
    private func mergeShort(_ word: UnsafeMutableBufferPointer<Int32>) -> Int {
        var count = word.count
        return withUnsafeTemporaryAllocation(of: Int64.self, capacity: count) { next in
            for index in 0..<count - 1 { next[index] = merge(word[index], word[index + 1]) }
            while count > 1 {
                var (best, place) = (Int64.max, 0)
                for index in 0..<count - 1 where next[index] < best { (best, place) = (next[index], index) }
                if best == .max { break }
                word[place] = Int32(truncatingIfNeeded: best)
                count -= 1
                for index in place + 1..<max(count, place + 1) {
                    word[index] = word[index + 1]
                    next[index - 1] = next[index]
                }
                if place > 0 { next[place - 1] = merge(word[place - 1], word[place]) }
                if place + 1 < count { next[place] = merge(word[place], word[place + 1]) }
            }
            return count
        }
    }

    /// Merges a long word in place and returns its new length: a heap has the possible merges, the first by rank and
    /// place on top.
    private func mergeLong(_ word: UnsafeMutableBufferPointer<Int32>) -> Int {
        let count = word.count
        var next = (1...count).map(Int32.init)
        var previous = (-1..<count - 1).map(Int32.init)
        var heap = MergeHeap(capacity: count)
        func add(_ left: Int, _ right: Int) {
            let found = merge(word[left], word[right])
            if found != .max { heap.push(UInt64(found >> 32) << 32 | UInt64(left)) }
        }
        for index in 0..<count - 1 { add(index, index + 1) }
        while let top = heap.pop() {
            let left = Int(top & 0xFFFF_FFFF)
            guard word[left] >= 0, next[left] < count else { continue }
            let right = Int(next[left])
            let found = merge(word[left], word[right])
            guard found != .max, UInt64(found >> 32) == top >> 32 else { continue }
            word[left] = Int32(truncatingIfNeeded: found)
            word[right] = -1
            next[left] = next[right]
            if next[left] < count {
                previous[Int(next[left])] = Int32(left)
                add(left, Int(next[left]))
            }
            if previous[left] >= 0 { add(Int(previous[left]), left) }
        }
        var end = 0
        for index in 0..<count where word[index] >= 0 {
            word[end] = word[index]
            end += 1
        }
        return end
    }
}

/// A binary heap with the smallest number on top.
private struct MergeHeap {
    private var items: [UInt64] = []

    init(capacity: Int) { items.reserveCapacity(capacity) }

    mutating func push(_ item: UInt64) {
        items.append(item)
        var index = items.count - 1
        while index > 0, items[(index - 1) / 2] > items[index] {
            items.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func pop() -> UInt64? {
        guard let top = items.first, let last = items.popLast() else { return nil }
        if items.isEmpty { return top }
        items[0] = last
        var index = 0
        while true {
            var least = 2 * index + 1
            if least >= items.count { return top }
            if least + 1 < items.count, items[least + 1] < items[least] { least += 1 }
            if items[index] <= items[least] { return top }
            items.swapAt(index, least)
            index = least
        }
    }
}
