import Kernels
import Profiling

/// One matrix product of a step, and how often a rank computes it in one step.
struct Product {
    /// What is multiplied, which decides the types.
    enum Kind {
        /// Activations and weights, into activations.
        case forward
        /// Gradients and weights, into gradients.
        case inputGradient
        /// Gradients and activations, into the gradient of weights.
        case weightGradient
        /// What is inside a head, in Float32.
        case attention
    }

    let kind: Kind
    /// Where the step computes it.
    let part: StepPart
    let (m, n, k): (Int, Int, Int)
    let (a, b): (Orientation, Orientation)
    let count: Int

    /// Floating-point operations of one of them; a multiply-add counts two.
    var operations: Double { 2 * Double(m) * Double(n) * Double(k) }
    /// Of all of them.
    var operationsPerStep: Double { operations * Double(count) }

    /// The three products of a linear layer: forward, of the input's gradient, and of the weight's.
    static func linear(
        rows: Int, input: Int, output: Int, forward: StepPart, backward: StepPart, count: Int
    ) -> [Product] {
        [
            Product(
                kind: .forward, part: forward, m: rows, n: output, k: input, a: .plain, b: .transposed, count: count),
            Product(
                kind: .inputGradient, part: backward, m: rows, n: input, k: output, a: .plain, b: .plain, count: count),
            Product(
                kind: .weightGradient, part: backward, m: output, n: input, k: rows, a: .transposed, b: .plain,
                count: count),
        ]
    }

    /// The products of causal attention over T positions, head width D, in blocks of queries that see the keys before
    /// them: two forward, five backward.
    static func attention(positions T: Int, headWidth D: Int, count: Int) -> [Product] {
        stride(from: 0, to: T, by: CausalAttention.blockQueries).flatMap { start in
            let end = min(start + CausalAttention.blockQueries, T)
            let queries = end - start
            func product(
                _ pass: Span, _ m: Int, _ n: Int, _ k: Int, _ a: Orientation, _ b: Orientation
            ) -> Product {
                Product(kind: .attention, part: StepPart(pass, .attention), m: m, n: n, k: k, a: a, b: b, count: count)
            }
            return [
                product(.forward, queries, end, D, .plain, .transposed),
                product(.forward, queries, D, end, .plain, .plain),
                product(.backward, queries, end, D, .plain, .transposed),
                product(.backward, queries, end, D, .plain, .transposed),
                product(.backward, end, D, queries, .transposed, .plain),
                product(.backward, end, D, queries, .transposed, .plain),
                product(.backward, queries, D, end, .plain, .plain),
            ]
        }
    }
}

extension Configuration {
    /// All matrix products of one step of one rank that has `slots` of the batch's slots.
    func products(slots: Int) -> [Product] {
        let (C, F, V) = (model.width, model.feedForwardWidth, model.benchVocabularySize)
        let (B, T) = (batch.sequencesPerSlot, data.contextLength)
        func linear(_ span: Span, _ input: Int, _ output: Int) -> [Product] {
            Product.linear(
                rows: B * T, input: input, output: output, forward: StepPart(.forward, span),
                backward: StepPart(.backward, span), count: slots * model.layers)
        }
        let head = StepPart(.head, .head)
        return linear(.attention, C, 3 * C)
            + Product.attention(
                positions: T, headWidth: model.headWidth, count: slots * model.layers * B * model.heads)
            + linear(.attention, C, C) + linear(.feedForward, C, F) + linear(.feedForward, F, C)
            + Product.linear(rows: B * T, input: C, output: V, forward: head, backward: head, count: slots)
    }
}
