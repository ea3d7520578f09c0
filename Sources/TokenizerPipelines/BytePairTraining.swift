/// Learns the merges of byte-level byte-pair encoding: again and again, the pair of tokens that occurs most often
/// becomes a token. Ties go to the pair with the smaller numbers, as in the library `tokenizers`.
///
/// - Source: Sennrich, Haddow & Birch 2016, arXiv:1508.07909.
package struct BytePairTraining {
    /// A learned merge: the two tokens and the token that they form.
    package struct Merge: Sendable {
        package let left: Int32
        package let right: Int32
    }

    /// The bytes in the order of the tokens for single bytes: that of the visible characters which stand for them.
    package static let byteOrder: [UInt8] = (0...255).map { UInt8($0) }.sorted {
        ByteCharacters.scalar(of: $0) < ByteCharacters.scalar(of: $1)
    }

    /// The distinct words as tokens, and how often each occurs.
    private var words: [[Int32]] = []
    private var counts: [Int] = []
    /// How often each pair occurs, and the words in which it was found.
    private var pairs: [UInt64: (count: Int, words: [Int32])] = [:]
    private var heap: [Candidate] = []
    private let firstByte: Int32

    /// A pair on the heap, with its number of occurrences when it was put there.
    private struct Candidate {
        let count: Int
        let pair: UInt64

        func precedes(_ other: Candidate) -> Bool { count == other.count ? pair < other.pair : count > other.count }
    }

    /// Splits a text into words with the pattern of GPT-2 and counts them.
    ///
    /// - Parameters:
    ///   - text: UTF-8.
    ///   - firstByte: The number of the first token for a byte.
    package init(_ text: UnsafeBufferPointer<UInt8>, firstByte: Int32) {
        self.firstByte = firstByte
        var tokens = [Int32](repeating: 0, count: 256)
        for (index, byte) in BytePairTraining.byteOrder.enumerated() { tokens[Int(byte)] = firstByte + Int32(index) }
        var found = Vocabulary(capacity: 1 << 16)
        var total = [Int]()
        Splitting(steps: [.bytes(addsSpace: false, splits: true)]).forEachWord(in: text, beginsText: true) { word in
            if let index = found.number(of: word) {
                total[Int(index)] += 1
            } else {
                _ = found.insert(Array(word), Int32(total.count))
                total.append(1)
                words.append(word.map { tokens[Int($0)] })
            }
        }
        counts = total
        for (index, word) in words.enumerated() {
            for place in word.indices.dropLast() {
                add(counts[index], IntegerTable.key(word[place], word[place + 1]), index)
            }
        }
        heap = pairs.map { Candidate(count: $1.count, pair: $0) }
        for index in (0..<heap.count / 2).reversed() { sink(index) }
    }

    private mutating func add(_ count: Int, _ pair: UInt64, _ word: Int) {
        pairs[pair, default: (0, [])].count += count
        if count > 0, pairs[pair]!.words.last != Int32(word) { pairs[pair]!.words.append(Int32(word)) }
    }

    /// Learns merges, whose tokens are numbered from behind the bytes on.
    ///
    /// - Returns: The merges; fewer than `count` if no pair is left.
    package mutating func learn(_ count: Int) -> [Merge] {
        var merges: [Merge] = []
        while merges.count < count, let top = pop() {
            let current = pairs[top.pair]?.count ?? 0
            if current != top.count {
                if current > 0 { push(Candidate(count: current, pair: top.pair)) }
                continue
            }
            let (left, right) = (Int32(truncatingIfNeeded: top.pair >> 32), Int32(truncatingIfNeeded: top.pair))
            let token = firstByte + 256 + Int32(merges.count)
            merges.append(Merge(left: left, right: right))
            join(left, right, as: token, in: pairs.removeValue(forKey: top.pair)!.words)
        }
        return merges
    }

    private mutating func join(_ left: Int32, _ right: Int32, as token: Int32, in places: [Int32]) {
        var changed: Set<UInt64> = []
        for index in places.map(Int.init) {
            var word = words[index]
            let count = counts[index]
            var place = 0
            while place + 1 < word.count {
                guard word[place] == left, word[place + 1] == right else {
                    place += 1
                    continue
                }
                if place > 0 {
                    let before = word[place - 1]
                    remove(count, IntegerTable.key(before, left))
                    add(count, IntegerTable.key(before, token), index)
                    changed.insert(IntegerTable.key(before, token))
                }
                word[place] = token
                word.remove(at: place + 1)
                if place + 1 < word.count {
                    let behind = word[place + 1]
                    remove(count, IntegerTable.key(right, behind))
                    add(count, IntegerTable.key(token, behind), index)
                    changed.insert(IntegerTable.key(token, behind))
                }
                place += 1
            }
            words[index] = word
        }
        for pair in changed {
            if let count = pairs[pair]?.count, count > 0 { push(Candidate(count: count, pair: pair)) }
        }
    }

    private mutating func remove(_ count: Int, _ pair: UInt64) {
        // The pair that is being joined is not counted any more.
        if pairs[pair] != nil { pairs[pair]!.count -= count }
    }

    // MARK: Heap

    private mutating func push(_ item: Candidate) {
        heap.append(item)
        var index = heap.count - 1
        while index > 0, heap[index].precedes(heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func pop() -> Candidate? {
        guard let top = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty {
            heap[0] = last
            sink(0)
        }
        return top
    }

    private mutating func sink(_ start: Int) {
        var index = start
        while true {
            var first = 2 * index + 1
            if first >= heap.count { return }
            if first + 1 < heap.count, heap[first + 1].precedes(heap[first]) { first += 1 }
            guard heap[first].precedes(heap[index]) else { return }
            heap.swapAt(index, first)
            index = first
        }
    }
}
