import Layers

/// For each token of a translation, the source token to which cross-attention attends most when it is predicted.
///
/// The probabilities are the mean over all heads and layers. The source's end token, where attention that is not needed
/// gathers, is no candidate.
///
/// - Source: Bahdanau, Cho & Bengio 2015, arXiv:1409.0473, section 5.2.1.
package struct Alignment: Equatable, Sendable {
    /// A link from a target token to a source token.
    package struct Link: Equatable, Sendable {
        /// The index of the source token.
        package let source: Int
        /// Its probability.
        package let probability: Float
    }

    /// The tokens of the target, without the begin token.
    package let targets: [String]
    /// The tokens of the source, without the end token.
    package let sources: [String]
    /// The link of each target token.
    package let links: [Link]

    /// Derives the alignment from the cross-attention of all layers, whose first query is the begin token and whose
    /// last key is the source's end token. A query predicts the token that is the next query.
    package init(_ layers: [AttentionMap], targets: [String], sources: [String]) {
        self.targets = targets
        self.sources = sources
        let means = layers.map(\.mean)
        let keys = layers[0].keys
        links = targets.indices.map { target in
            var best = Link(source: 0, probability: -1)
            for source in sources.indices {
                let place = target * keys + source
                let probability = means.reduce(0) { $0 + $1[place] } / Float(means.count)
                if probability > best.probability { best = Link(source: source, probability: probability) }
            }
            return best
        }
    }

    /// The number of neighbouring target tokens whose links do not cross, and the number of such pairs: the agreement
    /// with a translation word by word in the same order.
    package var inOrder: (count: Int, pairs: Int) {
        let count = zip(links, links.dropFirst()).count { $0.source <= $1.source }
        return (count, max(0, links.count - 1))
    }
}
