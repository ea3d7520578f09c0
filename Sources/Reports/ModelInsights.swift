import Collectives
import Failures
import Inference
import Interpretation

/// A look into a model: what it attends to in some texts of its validation data, where the vectors of its tokens lie,
/// and why it predicts what it does. Computed in a bounded time.
package struct ModelInsights: Sendable {
    package var attention: [PromptAttention] = []
    package var projections: [Projection] = []
    package var explanations: [Explanation] = []
    /// What is left out, and why.
    package var notices: [String] = []

    /// The number of texts of which attention is drawn and predictions are explained.
    private static let (drawnTexts, explainedTexts) = (3, 4)
    /// The most tokens of a text.
    private static let textTokens = 24
    /// The number of token vectors that are projected.
    private static let points = 500
    /// The most points of an integral of gradients.
    private static let integralPoints = 210

    /// An empty look.
    init() {}

    /// Looks into the model of `evaluation`; what fails or would begin after `deadline` is left out with a notice.
    init(_ evaluation: Evaluation, until deadline: ContinuousClock.Instant) {
        let isLate = { ContinuousClock().now >= deadline }
        let late = "the time was over (--seconds)"
        func attempt(_ what: String, _ body: () throws(Failure) -> Void) -> String? {
            if isLate() { return "\(what): \(late)." }
            do throws(Failure) {
                try body()
                return nil
            } catch {
                return "\(what): \(error.message)"
            }
        }
        let family = evaluation.family
        guard evaluation.readsTokens else {
            notices = ["Attention, embeddings and explanations: a model of family \(family) reads no text."]
            return
        }
        var (attention, explanations, projections): ([PromptAttention], [Explanation], [Projection]) = ([], [], [])
        var missing: [String?] = []
        func project(_ method: ProjectionMethod, dimensions: Int, _ vectors: TokenVectors) {
            let projection = vectors.projection(
                method, dimensions: dimensions, limit: ModelInsights.points, seed: 1337)
            if projection.names.count > dimensions + 1 { projections.append(projection) }
        }
        var vectors: TokenVectors?
        missing.append(
            attempt("Embeddings") { () throws(Failure) in
                let found = try TokenVectors(try evaluation.trainedModel())
                project(.pca, dimensions: 3, found)
                if projections.isEmpty {
                    throw Failure(.usage, "the vocabulary has fewer than five tokens with a letter.")
                }
                vectors = found
            })
        if evaluation.response == nil {
            missing.append("Attention and explanations: a model of family \(family) has neither blocks nor prompts.")
        } else {
            do throws(Failure) {
                let prompts = try evaluation.prompts(
                    count: ModelInsights.explainedTexts, tokens: ModelInsights.textTokens)
                let generation = Generation(
                    GenerationSettings(checkpoint: evaluation.checkpoint), try evaluation.trainedModel(),
                    SoloCommunicator())
                missing.append(
                    attempt("Attention") { () throws(Failure) in
                        for text in prompts.prefix(ModelInsights.drawnTexts) where !isLate() {
                            attention.append(
                                try PromptAttention(generation, prompt: text.prompt, target: text.target))
                        }
                    })
                missing.append(
                    attempt("Explanations") { () throws(Failure) in
                        // Special tokens and blanks are added, and texts may be encoded again in more tokens.
                        let explainer = try Explainer(
                            generation, steps: ModelInsights.integralPoints, positions: 2 * ModelInsights.textTokens + 8
                        )
                        for text in prompts where !isLate() {
                            explanations.append(
                                try explainer.explain(text.prompt, target: nil, output: nil, unless: isLate) {
                                    Failure(.badData, "a text of the validation split \($0)")
                                })
                        }
                    })
            } catch {
                missing.append("Attention and explanations: \(error.message)")
            }
        }
        if let vectors {
            missing += [2, 3].map { dimensions in
                attempt("t-SNE in \(dimensions) dimensions") { () throws(Failure) in
                    project(.tsne, dimensions: dimensions, vectors)
                }
            }
        }
        (self.attention, self.explanations, self.projections) = (attention, explanations, projections)
        notices = missing.compactMap { $0 }
    }
}
