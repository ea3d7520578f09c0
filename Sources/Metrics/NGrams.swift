/// The numbers of n-grams of one order in a hypothesis and in its reference, and the number of matches: an n-gram
/// matches as often as it occurs in both.
struct NGramOverlap {
    var hypothesis: Int
    var reference: Int
    var matches: Int
}

/// Counts and matches the n-grams of orders 1 to `orders` of two sequences of symbols.
///
/// - Complexity: O(orders · symbols), expected.
func nGramOverlaps<Symbol: Hashable>(
    _ hypothesis: [Symbol], _ reference: [Symbol], orders: Int
) -> [NGramOverlap] {
    var symbols = Numbering<Symbol>()
    let (hypothesis, reference) = (hypothesis.map { symbols.number(of: $0) }, reference.map { symbols.number(of: $0) })
    var overlaps = [overlap(hypothesis, reference, kinds: symbols.count)]
    // An n-gram is an (n − 1)-gram followed by a symbol: pairs of numbers, numbered again, represent any order.
    var (shorterHypothesis, shorterReference) = (hypothesis, reference)
    for order in 1..<orders {
        var pairs = Numbering<Pair>()
        func extended(_ shorter: [Int], _ symbols: [Int]) -> [Int] {
            zip(shorter, symbols.dropFirst(order)).map { pairs.number(of: Pair(beginning: $0, last: $1)) }
        }
        shorterHypothesis = extended(shorterHypothesis, hypothesis)
        shorterReference = extended(shorterReference, reference)
        overlaps.append(overlap(shorterHypothesis, shorterReference, kinds: pairs.count))
    }
    return overlaps
}

private struct Pair: Hashable {
    let beginning: Int
    package let last: Int
}

/// Numbers keys 0, 1, … in the order in which they first occur.
private struct Numbering<Key: Hashable> {
    private var numbers: [Key: Int] = [:]
    var count: Int { numbers.count }

    mutating func number(of key: Key) -> Int {
        let next = numbers.count
        if let known = numbers[key] { return known }
        numbers[key] = next
        return next
    }
}

/// The overlap of two lists of n-gram numbers, all below `kinds`.
private func overlap(_ hypothesis: [Int], _ reference: [Int], kinds: Int) -> NGramOverlap {
    var unmatched = [Int](repeating: 0, count: kinds)
    for number in reference { unmatched[number] += 1 }
    var matches = 0
    for number in hypothesis where unmatched[number] > 0 {
        unmatched[number] -= 1
        matches += 1
    }
    return NGramOverlap(hypothesis: hypothesis.count, reference: reference.count, matches: matches)
}
