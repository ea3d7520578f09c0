import Layers

@testable import Interpretation
@testable import Reports

extension ModelInsights {
    /// A look into a model whose tokens would break the page if they could: two texts, and some vectors.
    static var hostile: ModelInsights {
        let token = RunFixture.hostile
        let long = String(repeating: "z", count: 1 << 16)
        let maps = [0.25, 0.75].map { (share: Float) in
            AttentionMap(
                heads: 2, queries: 2, keys: 2, probabilities: [1, 0, share, 1 - share, 1, 0, 1 - share, share])
        }
        let own = PromptAttention.Part(kind: .own, queries: [token, long], keys: [token, long], layers: maps)
        let cross = PromptAttention.Part(kind: .cross, queries: [token, long], keys: [token, "b"], layers: maps)
        let influences = [(token, -0.5), (long, 1)].map {
            Explanation.Influence(token: $0.0, isSource: false, attribution: $0.1, omission: 0.25)
        }
        var insights = ModelInsights()
        insights.attention = [
            PromptAttention(checkpoint: "c", prompt: token, target: token, parts: [own], alignment: nil),
            PromptAttention(
                checkpoint: "c", prompt: token, target: token, parts: [own, cross],
                alignment: Alignment(maps, targets: [token], sources: ["a"])),
        ]
        insights.explanations = [
            Explanation(
                prompt: token, output: token, probability: 0.625, value: 1, baselineValue: 0, baseline: token,
                gap: 1e-9,
                influences: influences,
                lens: LogitLens(layers: [.init(blocks: 0, prediction: token, value: 0.5, explained: 0.125)]))
        ]
        let names = (0..<60).map { "\(token)\($0)" }
        let values = (0..<60 * 4).map { Double(($0 * 37) % 101) }
        insights.projections = [
            Projection(values, names: names, width: 4, .pca, dimensions: 3, seed: 1),
            Projection(values, names: names, width: 4, .tsne, dimensions: 2, seed: 1),
        ]
        insights.notices = ["Left out: \(token)"]
        return insights
    }
}
