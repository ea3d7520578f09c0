/// How many n-grams of one order a hypothesis and its reference have, and how many of the hypothesis's can each be
/// paired with one of the reference's.
struct NGramOverlap {
    var hypothesis: Int
    var reference: Int
    var matches: Int
}

/// Compares the n-grams of orders 1 to `orders` of two sequences of symbols.
///
/// - Complexity: O(orders · symbols), expected.
func nGramOverlaps<Symbol: Hashable>(
    _ hypothesis: [Symbol], _ reference: [Symbol], orders: Int
) -> [NGramOverlap] {
    var symbols = Numbering<Symbol>()
    let (hypothesis, reference) = (hypothesis.map { symbols.number(of: $0) }, reference.map { symbols.number(of: $0) })
    var overlaps = [overlap(hypothesis, reference, kinds: symbols.count)]
    // An n-gram is one of the order before and a symbol: pairs of numbers, numbered again, serve any order.
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
    let last: Int
}

/// Numbers keys 0, 1, … in the order in which they are first seen.
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

/// The overlap of two lists of numbers below `kinds`.
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
