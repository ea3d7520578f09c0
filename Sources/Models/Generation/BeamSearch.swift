import Glibc

/// The hypotheses of one text in a beam search.
///
/// Each step takes, of all continuations of the open hypotheses, the 2·K likeliest. Those of the first K that end are finished,
/// the first K that do not end stay open. It is over when K hypotheses are finished and the likeliest open one, at its present
/// length, is no better than the worst of them. Equal continuations come in the order of hypotheses, then of tokens.
///
/// This is the search of `transformers` (with `early_stopping` false), so that both can be compared. The penalty of Wu et al.
/// 2016, arXiv:1609.08144, eq. 14, ((5 + n) / 6)^α, prefers other lengths with the same α.
///
/// - Source: Graves 2012, arXiv:1211.3711, section 2.3; Sutskever, Vinyals & Le 2014, arXiv:1409.3215.
struct BeamSearch {
    /// A text and how likely it is.
    struct Hypothesis {
        /// The tokens that were chosen.
        var tokens: [Int32]
        /// The sum of their logarithmic probabilities.
        var score: Float
    }

    /// A continuation of a hypothesis.
    struct Continuation {
        /// The number of the open hypothesis that it continues.
        let parent: Int
        let token: Int32
        /// Of the whole.
        let score: Float
    }

    /// The likeliest first.
    private(set) var open = [Hypothesis(tokens: [], score: 0)]
    /// The best first, scored by length, without end tokens.
    private(set) var finished: [(tokens: [Int32], score: Float)] = []
    /// Whether nothing more is to be done.
    private(set) var isOver = false
    private let width: Int
    private let lengthPenalty: Double
    private let endToken: Int32?
    private let limit: Int

    /// A search with `settings.beams` hypotheses for texts of up to `limit` tokens.
    init(_ settings: DecodingSettings, limit: Int) {
        width = settings.beams
        lengthPenalty = settings.lengthPenalty
        endToken = settings.endToken
        self.limit = limit
    }

    /// The continuations to choose from are the `candidateCount` likeliest of each open hypothesis.
    var candidateCount: Int { 2 * width }

    /// Goes on by one token.
    ///
    /// - Parameters:
    ///   - candidates: The likeliest continuations of each open hypothesis, the likeliest first, and equal ones in the order of
    ///     tokens.
    ///   - isComplete: Whether a text ends where no end token is.
    /// - Returns: For each open hypothesis the one that it continues.
    mutating func advance(_ candidates: [Continuation], isComplete: ([Int32]) -> Bool) -> [Int] {
        let best = candidates.sorted {
            ($1.score, $0.parent, $0.token) < ($0.score, $1.parent, $1.token)
        }.prefix(candidateCount)
        var (next, parents): ([Hypothesis], [Int]) = ([], [])
        for (rank, candidate) in best.enumerated() where candidate.score > -.infinity {
            let tokens = open[candidate.parent].tokens + [candidate.token]
            let ends = candidate.token == endToken
            if ends || tokens.count >= limit || isComplete(tokens) {
                if rank < width {
                    finish(ends ? Array(tokens.dropLast()) : tokens, candidate.score, length: tokens.count)
                }
            } else if next.count < width {
                next.append(Hypothesis(tokens: tokens, score: candidate.score))
                parents.append(candidate.parent)
            }
        }
        open = next
        let worst = finished.count == width ? finished[width - 1].score : -.infinity
        isOver = open.first.map { scored($0.score, length: $0.tokens.count) <= worst } ?? true
        return parents
    }

    /// The best text: a finished one where there is one.
    var best: [Int32] { finished.first?.tokens ?? open.first?.tokens ?? [] }

    private mutating func finish(_ tokens: [Int32], _ score: Float, length: Int) {
        let scored = scored(score, length: length)
        let place = finished.firstIndex { $0.score < scored } ?? finished.count
        finished.insert((tokens, scored), at: place)
        if finished.count > width { finished.removeLast() }
    }

    private func scored(_ score: Float, length: Int) -> Float { score / Float(pow(Double(length), lengthPenalty)) }
}
