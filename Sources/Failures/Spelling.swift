/// Returns the candidate nearest to `word`, or nil if none is near.
///
/// A candidate is near if its Damerau-Levenshtein distance (optimal string alignment) is at most a third of the word's
/// length, or at most 1 for shorter words. Words of more than 128 bytes have no suggestion, because comparing two words
/// takes time proportional to the product of their lengths.
package func nearestSpelling(to word: String, among candidates: [String]) -> String? {
    guard word.utf8.count <= 128 else { return nil }
    let limit = max(1, word.unicodeScalars.count / 3)
    let ranked = candidates.map { (distance: editDistance(word, $0), candidate: $0) }
    guard let best = ranked.min(by: { $0.distance < $1.distance }), best.distance <= limit else { return nil }
    return best.candidate
}

/// Returns the optimal string alignment distance, counting insertions, deletions, substitutions and transpositions of
/// adjacent Unicode scalars.
private func editDistance(_ a: String, _ b: String) -> Int {
    let a = Array(a.unicodeScalars), b = Array(b.unicodeScalars)
    var beforePrevious = [Int](repeating: 0, count: b.count + 1)
    var previous = Array(0...b.count)
    for i in a.indices {
        var current = [i + 1] + [Int](repeating: 0, count: b.count)
        for j in b.indices {
            current[j + 1] = min(previous[j + 1] + 1, current[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                current[j + 1] = min(current[j + 1], beforePrevious[j - 1] + 1)
            }
        }
        (beforePrevious, previous) = (previous, current)
    }
    return previous[b.count]
}
