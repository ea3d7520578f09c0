import Kernels
import Models
import Products
import Profiling
import Settings

/// A matrix product of a training step, and the number of times that a rank computes it per step.
struct Product {
    /// The kind of operands, which determines their types.
    enum Kind {
        /// Activations times weights; the result is activations.
        case forward
        /// Gradients times weights; the result is gradients.
        case inputGradient
        /// Gradients times activations; the result is the gradient of weights.
        case weightGradient
        /// A product within an attention head, in Float32.
        case attention
    }

    let kind: Kind
    /// The part of the step that computes it.
    let part: StepPart
    let (m, n, k): (Int, Int, Int)
    let (a, b): (Orientation, Orientation)
    let count: Int

    /// The floating-point operations of one product; a multiply-add counts as two.
    var operations: Double { 2 * Double(m) * Double(n) * Double(k) }
    /// The floating-point operations of all `count` products of a step.
    var operationsPerStep: Double { operations * Double(count) }

    /// The three products of a linear layer: the forward pass, the gradient of the input and the gradient of the
    /// weights.
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

    /// The products of attention from T queries to S keys with head dimension D, by blocks of queries: two in the
    /// forward pass, five in the backward pass.
    ///
    /// - Parameter isCausal: Whether a block attends only to keys up to its own end.
    static func attention(
        _ span: Span, queries T: Int, keys S: Int, headWidth D: Int, isCausal: Bool, count: Int
    ) -> [Product] {
        stride(from: 0, to: T, by: Attention.blockQueries).flatMap { start in
            let end = min(start + Attention.blockQueries, T)
            let (queries, keys) = (end - start, isCausal ? end : S)
            func product(
                _ pass: Span, _ m: Int, _ n: Int, _ k: Int, _ a: Orientation, _ b: Orientation
            ) -> Product {
                Product(kind: .attention, part: StepPart(pass, span), m: m, n: n, k: k, a: a, b: b, count: count)
            }
            return [
                product(.forward, queries, keys, D, .plain, .transposed),
                product(.forward, queries, D, keys, .plain, .plain),
                product(.backward, queries, keys, D, .plain, .transposed),
                product(.backward, queries, keys, D, .plain, .transposed),
                product(.backward, keys, D, queries, .transposed, .plain),
                product(.backward, keys, D, queries, .transposed, .plain),
                product(.backward, queries, D, keys, .plain, .plain),
            ]
        }
    }
}

extension Configuration {
    /// All matrix products of one step on a rank that owns `slots` micro-batches, for a model of `sizes`.
    func products(slots: Int, _ sizes: ModelSizes) -> [Product] {
        let (B, T) = (batch.sequencesPerSlot, sizes.contextLength)
        return model.products(sizes).flatMap { product -> [Product] in
            switch product.operands {
            case .linear(let input, let output):
                let isHead = product.span == .head
                let rows =
                    switch product.rows {
                    case .positions: B * T
                    case .patches: B * (T - 1)
                    case .targets: max(1, Int(Double(B * T) * targetShare(sizes)))
                    case .sequence: B
                    }
                return Product.linear(
                    rows: rows, input: input, output: output,
                    forward: isHead ? StepPart(.head, .head) : StepPart(.forward, product.span ?? .forward),
                    backward: isHead ? StepPart(.head, .head) : StepPart(.backward, product.span ?? .backward),
                    count: slots * product.layers
                ).filter { product.rows != .patches || $0.kind != .inputGradient }
            case .attention(let heads, let headWidth, let isCausal, _):
                return Product.attention(
                    product.span ?? .attention, queries: T, keys: T, headWidth: headWidth, isCausal: isCausal,
                    count: slots * product.layers * B * heads)
            }
        }
    }
}
