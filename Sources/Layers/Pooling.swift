import Kernels
import Tensors

// B sequences, T positions, C width.

/// How the hidden states of a sequence become one row.
package enum PoolingKind: Sendable {
    /// The first position's.
    case first
    /// The mean of all positions that count.
    case mean
    /// The first position's, through a linear map and tanh.
    ///
    /// - Source: Devlin et al. 2019 (BERT), arXiv:1810.04805, and the program that came with it.
    case dense
}

/// One row for each sequence.
package struct Pooling<Element: Storage> {
    private let kind: PoolingKind
    private let dense: Linear<Element>?
    private let width: Int

    /// What the backward pass needs of the forward pass.
    package struct Activations {
        /// Its output, [B, C].
        package let output: UnsafeMutablePointer<Element>
        let gathered: UnsafeMutablePointer<Element>
        let mapped: UnsafeMutablePointer<Element>
    }

    /// Declares pooler [C, C] where the kind has it.
    package init(
        _ kind: PoolingKind, width: Int, _ initialization: WeightInitialization, in layout: inout ParameterLayout
    ) {
        self.kind = kind
        self.width = width
        dense =
            kind == .dense
            ? Linear("pooler", inputWidth: width, outputWidth: width, bias: true, initialization, in: &layout) : nil
    }

    /// Memory for the activations of `sequences`.
    package func takeActivations(sequences: Int, from arena: ActivationArena) -> Activations {
        let count = sequences * width
        let gathered = arena.take(Element.self, count)
        if dense == nil { return Activations(output: gathered, gathered: gathered, mapped: gathered) }
        return Activations(
            output: arena.take(Element.self, count), gathered: gathered, mapped: arena.take(Element.self, count))
    }

    /// Computes `activations.output` from `hidden`, [B, T, C].
    ///
    /// - Parameter lengths: [B], the positions of each sequence that count; nil: all.
    package func forward(
        _ hidden: UnsafePointer<Element>, lengths: UnsafePointer<Int32>?, weights: UnsafePointer<Element>,
        _ activations: Activations, _ pass: Pass
    ) {
        let sum = pass.workspace.floats(.sums, width)
        for b in 0..<pass.sequences {
            let (rows, target) = (hidden + b * pass.positions * width, activations.gathered + b * width)
            if kind == .mean {
                let count = lengths.map { Int($0[b]) } ?? pass.positions
                sum.update(repeating: 0, count: width)
                for t in 0..<count { add(rows + t * width, accumulatingInto: sum, count: width) }
                scale(sum, by: 1 / Float(count), count: width)
                convert(UnsafePointer(sum), into: target, count: width)
            } else {
                target.update(from: rows, count: width)
            }
        }
        if let dense {
            let count = pass.sequences * width
            dense.forward(activations.gathered, weights: weights, into: activations.mapped, rows: pass.sequences)
            activate(activations.mapped, into: activations.output, count: count, form: .tanh)
        }
    }

    /// The backward pass of `forward`.
    ///
    /// - Parameters:
    ///   - outputGradient: [B, C]; what it holds afterwards is undefined.
    ///   - hiddenGradient: [B, T, C], overwritten.
    package func backward(
        outputGradient: UnsafeMutablePointer<Float>, into hiddenGradient: UnsafeMutablePointer<Float>,
        lengths: UnsafePointer<Int32>?, weights: UnsafePointer<Element>, gradients: UnsafeMutablePointer<Element>,
        _ activations: Activations, _ pass: Pass
    ) {
        var gatheredGradient = outputGradient
        if let dense {
            gatheredGradient = pass.workspace.floats(.innerGradient, pass.sequences * width)
            activationBackward(activations.mapped, outputGradient, count: pass.sequences * width, form: .tanh)
            dense.backward(
                activations.gathered, outputGradient: outputGradient, weights: weights, gradients: gradients,
                inputGradient: gatheredGradient, rows: pass.sequences)
        }
        hiddenGradient.update(repeating: 0, count: pass.rows * width)
        for b in 0..<pass.sequences {
            let (rows, source) = (hiddenGradient + b * pass.positions * width, gatheredGradient + b * width)
            let count = kind == .mean ? lengths.map { Int($0[b]) } ?? pass.positions : 1
            if count > 1 { scale(source, by: 1 / Float(count), count: width) }
            for t in 0..<count { (rows + t * width).update(from: source, count: width) }
        }
    }
}
