import Kernels
import Numbers
import Products
import Tensors

// N rows, I input width, O outputs of the layer, P outputs of the adapter, r rank.

/// The arenas of a model's adapters, and their dropout in training.
package struct AdapterArenas<Element: Storage> {
    /// The arena of the weights of all adapters.
    let weights: UnsafePointer<Element>
    /// The arena of their gradients; nil: there is no backward pass.
    let gradients: UnsafeMutablePointer<Element>?
    private let dropout: Dropout?
    private let sequences: Int

    /// Adapters for inference, or for training without dropout.
    package init(weights: UnsafePointer<Element>, gradients: UnsafeMutablePointer<Element>? = nil) {
        self.init(weights: weights, gradients: gradients, dropout: nil, sequences: 1)
    }

    /// Adapters for training.
    ///
    /// - Parameters:
    ///   - dropout: The dropout of the inputs; its sites are the numbers of the adapters.
    ///   - sequences: The number of sequences of the batch, which divides the rows of every adapted layer.
    package init(
        weights: UnsafePointer<Element>, gradients: UnsafeMutablePointer<Element>?, dropout: Dropout?, sequences: Int
    ) {
        (self.weights, self.gradients) = (weights, gradients)
        (self.dropout, self.sequences) = (dropout, sequences)
    }

    /// Drops elements of the inputs of an adapter, or of their gradients, [N, I]; the same ones in both.
    fileprivate func drop(_ values: UnsafeMutablePointer<Float>, rows: Int, _ adapter: LowRankAdapter) {
        dropout?.apply(
            values, sequences: sequences, elements: rows / sequences * adapter.inputWidth, site: adapter.index)
    }

    /// Whether inputs are dropped.
    fileprivate var drops: Bool { dropout != nil }
}

extension LowRankAdapter {
    /// Adds s · (input·Aᵀ)·Bᵀ to the adapter's outputs.
    ///
    /// - Parameters:
    ///   - input: [N, I].
    ///   - output: [N, O].
    func forward<Element: Storage, Output: Storage>(
        _ input: UnsafePointer<Element>, accumulatingInto output: UnsafeMutablePointer<Output>, outputWidth: Int,
        rows: Int, _ arenas: AdapterArenas<Element>, _ context: LayerContext<Element>
    ) {
        let inner = context.workspace.floats(.adapterRows, rows * rank)
        if let dropped = dropped(input, rows: rows, arenas, context) {
            project(dropped, into: inner, rows: rows, arenas)
        } else {
            project(input, into: inner, rows: rows, arenas)
        }
        matrixProduct(
            UnsafePointer(inner), stride: rank, arenas.weights + b, .transposed, stride: rank,
            into: output + outputs.lowerBound, stride: outputWidth, m: rows, n: outputs.count, k: rank, alpha: scale,
            accumulating: true)
    }

    /// Computes the backward pass of `forward`.
    ///
    /// - Parameters:
    ///   - outputGradient: [N, O].
    ///   - inputGradient: [N, I], to which the adapter's part is added; nil: not computed.
    func backward<Element: Storage>(
        _ input: UnsafePointer<Element>, outputGradient: UnsafePointer<Float>, outputWidth: Int,
        accumulatingInto inputGradient: UnsafeMutablePointer<Float>?, rows: Int, _ arenas: AdapterArenas<Element>,
        _ context: LayerContext<Element>
    ) {
        guard let gradients = arenas.gradients else { preconditionFailure("the context has no gradients") }
        let outputGradient = outputGradient + outputs.lowerBound
        let inner = context.workspace.floats(.adapterRows, 2 * rows * rank)
        let innerGradient = inner + rows * rank
        matrixProduct(
            outputGradient, stride: outputWidth, arenas.weights + b, stride: rank, into: innerGradient, stride: rank,
            m: rows, n: rank, k: outputs.count, alpha: scale)
        let sums = context.workspace.floats(.adapterSums, rank * max(inputWidth, outputs.count))
        // The inner rows are computed again: that is cheaper than to keep them.
        if let dropped = dropped(input, rows: rows, arenas, context) {
            project(dropped, into: inner, rows: rows, arenas)
            gradientOfA(dropped, innerGradient, into: sums, rows: rows)
        } else {
            project(input, into: inner, rows: rows, arenas)
            gradientOfA(input, innerGradient, into: sums, rows: rows)
        }
        convert(UnsafePointer(sums), into: gradients + a, count: rank * inputWidth)
        matrixProduct(
            outputGradient, .transposed, stride: outputWidth, UnsafePointer(inner), stride: rank, into: sums,
            stride: rank, m: outputs.count, n: rank, k: rows, alpha: scale)
        convert(UnsafePointer(sums), into: gradients + b, count: outputs.count * rank)
        guard let inputGradient else { return }
        let part = arenas.drops ? context.workspace.floats(.adapterInputs, rows * inputWidth) : inputGradient
        matrixProduct(
            UnsafePointer(innerGradient), stride: rank, arenas.weights + a, stride: inputWidth, into: part,
            stride: inputWidth, m: rows, n: inputWidth, k: rank, accumulating: !arenas.drops)
        guard arenas.drops else { return }
        arenas.drop(part, rows: rows, self)
        add(UnsafePointer(part), accumulatingInto: inputGradient, count: rows * inputWidth)
    }

    /// Adds s · B·A to the adapted rows of the layer's weight.
    ///
    /// - Parameters:
    ///   - adapters: The arena of the adapters.
    ///   - weights: The arena of the frozen weights.
    package func merge(_ adapters: UnsafePointer<Float>, into weights: UnsafeMutablePointer<Float>) {
        matrixProduct(
            adapters + b, stride: rank, adapters + a, stride: inputWidth,
            into: weights + weight + outputs.lowerBound * inputWidth, stride: inputWidth, m: outputs.count,
            n: inputWidth, k: rank, alpha: scale, accumulating: true)
    }

    /// Computes inner = input·Aᵀ, [N, r].
    private func project<Input: Storage, Element: Storage>(
        _ input: UnsafePointer<Input>, into inner: UnsafeMutablePointer<Float>, rows: Int,
        _ arenas: AdapterArenas<Element>
    ) {
        matrixProduct(
            input, stride: inputWidth, arenas.weights + a, .transposed, stride: inputWidth, into: inner, stride: rank,
            m: rows, n: rank, k: inputWidth)
    }

    /// Computes the gradient of A, [r, I].
    private func gradientOfA<Input: Storage>(
        _ input: UnsafePointer<Input>, _ innerGradient: UnsafePointer<Float>,
        into gradient: UnsafeMutablePointer<Float>, rows: Int
    ) {
        matrixProduct(
            innerGradient, .transposed, stride: rank, input, stride: inputWidth, into: gradient, stride: inputWidth,
            m: rank, n: inputWidth, k: rows)
    }

    /// Returns the inputs after dropout, [N, I]; nil without dropout.
    private func dropped<Element: Storage>(
        _ input: UnsafePointer<Element>, rows: Int, _ arenas: AdapterArenas<Element>, _ context: LayerContext<Element>
    ) -> UnsafePointer<Float>? {
        guard arenas.drops else { return nil }
        let values = context.workspace.floats(.adapterInputs, rows * inputWidth)
        convert(input, into: values, count: rows * inputWidth)
        arenas.drop(values, rows: rows, self)
        return UnsafePointer(values)
    }
}
