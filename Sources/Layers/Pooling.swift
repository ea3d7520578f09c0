import Kernels
import Numbers
import Tensors

// B sequences, T positions, C hidden size.

/// The reduction of a sequence's hidden states to one row.
package enum PoolingKind: Sendable {
    /// The first position's hidden state.
    case first
    /// The mean over all valid positions.
    case mean
    /// BERT's pooler: the first position's hidden state through a linear layer and tanh.
    ///
    /// - Source: Devlin et al. 2019 (BERT), arXiv:1810.04805, and its released code.
    case dense
    /// DistilBERT's: the first position's hidden state through a linear layer and max(0, x).
    ///
    /// - Source: Sanh et al. 2019, arXiv:1910.01108, and its released code.
    case denseReLU

    /// The activation of the linear layer; nil: no linear layer.
    var activation: ActivationForm? {
        switch self {
        case .first, .mean: nil
        case .dense: .tanh
        case .denseReLU: .relu
        }
    }
}

/// Pools the hidden states of each sequence to one row.
package struct Pooling<Element: Storage> {
    private let kind: PoolingKind
    private let dense: Linear<Element>?
    private let width: Int

    /// The activations that the backward pass uses.
    package struct Activations {
        /// The output, [B, C].
        package let output: UnsafeMutablePointer<Element>
        let gathered: UnsafeMutablePointer<Element>
        let mapped: UnsafeMutablePointer<Element>
    }

    /// Declares pooler [C, C] if the kind has a linear layer.
    package init(
        _ kind: PoolingKind, width: Int, _ initialization: WeightInitialization, in layout: inout ParameterLayout
    ) {
        self.kind = kind
        self.width = width
        dense =
            kind.activation != nil
            ? Linear("pooler", inputWidth: width, outputWidth: width, bias: true, initialization, in: &layout) : nil
    }

    /// Allocates activations for `sequences` sequences.
    package func takeActivations(sequences: Int, from arena: ActivationArena) -> Activations {
        let count = sequences * width
        let gathered = arena.take(Element.self, count)
        if dense == nil { return Activations(output: gathered, gathered: gathered, mapped: gathered) }
        return Activations(
            output: arena.take(Element.self, count), gathered: gathered, mapped: arena.take(Element.self, count))
    }

    /// Computes `activations.output` from `hidden`, [B, T, C].
    package func forward(
        _ hidden: UnsafePointer<Element>, _ activations: Activations, _ pass: Pass<Element>
    ) {
        let sum = pass.context.workspace.floats(.sums, width)
        for b in 0..<pass.sequences {
            let (rows, target) = (hidden + b * pass.positions * width, activations.gathered + b * width)
            if kind == .mean {
                let count = pass.mask.lengths.map { Int($0[b]) } ?? pass.positions
                sum.update(repeating: 0, count: width)
                for t in 0..<count { add(rows + t * width, accumulatingInto: sum, count: width) }
                scale(sum, by: 1 / Float(count), count: width)
                convert(UnsafePointer(sum), into: target, count: width)
            } else {
                target.update(from: rows, count: width)
            }
        }
        if let dense, let form = kind.activation {
            let count = pass.sequences * width
            dense.forward(activations.gathered, into: activations.mapped, rows: pass.sequences, pass.context)
            activate(activations.mapped, into: activations.output, count: count, form: form)
        }
    }

    /// Computes the backward pass of `forward`.
    ///
    /// - Parameters:
    ///   - outputGradient: [B, C]; undefined afterwards.
    ///   - hiddenGradient: [B, T, C], overwritten.
    package func backward(
        outputGradient: UnsafeMutablePointer<Float>, into hiddenGradient: UnsafeMutablePointer<Float>,
        _ activations: Activations, _ pass: Pass<Element>
    ) {
        var gatheredGradient = outputGradient
        if let dense, let form = kind.activation {
            gatheredGradient = pass.context.workspace.floats(.innerGradient, pass.sequences * width)
            activationBackward(
                activations.mapped, outputGradient: outputGradient, into: outputGradient, count: pass.sequences * width,
                form: form)
            dense.backward(
                activations.gathered, outputGradient: outputGradient, inputGradient: gatheredGradient,
                rows: pass.sequences, pass.context)
        }
        hiddenGradient.update(repeating: 0, count: pass.rows * width)
        for b in 0..<pass.sequences {
            let (rows, source) = (hiddenGradient + b * pass.positions * width, gatheredGradient + b * width)
            let count = kind == .mean ? pass.mask.lengths.map { Int($0[b]) } ?? pass.positions : 1
            if count > 1 { scale(source, by: 1 / Float(count), count: width) }
            for t in 0..<count { (rows + t * width).update(from: source, count: width) }
        }
    }
}
