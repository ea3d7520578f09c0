import Glibc

/// The beam search for one input, with a beam of K hypotheses.
///
/// Each step considers the 2·K most probable continuations of all open hypotheses ((1 + E)·K if there are E ≥ 2 end
/// tokens). Of the first K, those that end are
/// finished; of all, the first K that do not end become the open hypotheses. The search is over when K hypotheses are
/// finished and the most probable open one, scored at its present length, is no better than the worst of them. Ties are
/// broken by the order of hypotheses, then of tokens.
///
/// This is the search of `transformers` with `early_stopping=False`, so that results can be compared. The length
/// penalty of Wu et al. 2016, arXiv:1609.08144, eq. 14, ((5 + n) / 6)^α, prefers other lengths for the same α.
///
/// - Source: Graves 2012, arXiv:1211.3711, section 2.3; Sutskever, Vinyals & Le 2014, arXiv:1409.3215.
struct BeamSearch {
    /// An output sequence and its log-probability.
    struct Hypothesis {
        /// The generated tokens.
        var tokens: [Int32]
        /// The sum of their log-probabilities.
        var score: Float
    }

    /// A hypothesis extended by one token.
    struct Continuation {
        /// The index of the open hypothesis that it extends.
        let parent: Int
        let token: Int32
        /// The log-probability of the extended hypothesis.
        let score: Float
    }

    /// The open hypotheses, in order of descending score.
    private(set) var open = [Hypothesis(tokens: [], score: 0)]
    /// The finished hypotheses, in order of descending length-normalized score.
    private var finished: [(output: DecodingOutput, score: Float)] = []
    /// Whether the search is over.
    private(set) var isOver = false
    private let width: Int
    private let lengthPenalty: Double
    private let endTokens: [Int32]
    private let limit: Int

    /// Starts a search with `settings.beams` hypotheses for outputs of at most `limit` tokens.
    init(_ settings: DecodingSettings, limit: Int) {
        width = settings.beams
        lengthPenalty = settings.lengthPenalty
        endTokens = settings.endTokens
        self.limit = limit
    }

    /// The number of candidates that each open hypothesis must provide, so that K of them do not end.
    var candidateCount: Int { max(2, 1 + endTokens.count) * width }

    /// Extends the hypotheses by one token.
    ///
    /// - Parameters:
    ///   - candidates: The `candidateCount` most probable continuations of each open hypothesis, in order of descending
    ///     score; ties in the order of tokens.
    ///   - isComplete: Whether an output is complete although it has no end token.
    /// - Returns: For each new open hypothesis, the index of the previous open hypothesis that it extends.
    mutating func advance(_ candidates: [Continuation], isComplete: ([Int32]) -> Bool) -> [Int] {
        let best = candidates.sorted {
            ($1.score, $0.parent, $0.token) < ($0.score, $1.parent, $1.token)
        }.prefix(candidateCount)
        var (next, parents): ([Hypothesis], [Int]) = ([], [])
        for (rank, candidate) in best.enumerated() where candidate.score > -.infinity {
            let tokens = open[candidate.parent].tokens + [candidate.token]
            let ends = endTokens.contains(candidate.token)
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

    /// The outputs in order of descending score: the finished hypotheses or, if there is none, the best open one. At
    /// least one.
    var outputs: [DecodingOutput] {
        if !finished.isEmpty { return finished.map(\.output) }
        let best = open.first ?? Hypothesis(tokens: [], score: 0)
        return [DecodingOutput(tokens: best.tokens, logProbability: Double(best.score))]
    }

    private mutating func finish(_ tokens: [Int32], _ score: Float, length: Int) {
        let scored = scored(score, length: length)
        let place = finished.firstIndex { $0.score < scored } ?? finished.count
        finished.insert((DecodingOutput(tokens: tokens, logProbability: Double(score)), scored), at: place)
        if finished.count > width { finished.removeLast() }
    }

    private func scored(_ score: Float, length: Int) -> Float { score / Float(pow(Double(length), lengthPenalty)) }
}
