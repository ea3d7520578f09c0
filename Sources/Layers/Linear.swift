import Kernels
import Numbers
import Products
import Tensors

// R rows, I input width, O output width.

/// A linear layer, y = x·Wᵀ + b for every row.
///
/// The weight is stored as [O, I], as is usual except in GPT-2's original files.
package struct Linear<Element: Storage> {
    /// The offset of W in an arena.
    package let weight: Int
    /// The offset of b in an arena, or nil without a bias.
    package let bias: Int?
    /// I, the number of inputs.
    package let inputWidth: Int
    /// O, the number of outputs.
    package let outputWidth: Int
    /// The adapters of the layer or of parts of its outputs, if its weight is frozen.
    package let adapters: [LowRankAdapter]

    /// The names that an adaptation may use for a layer.
    package enum Adaptable {
        /// None: the layer is never adapted.
        case no
        /// That of the layer.
        case whole
        /// That of the layer, and those of parts of its outputs, which follow each other. A part is adapted only if the
        /// whole layer is not.
        case parts([(name: String, width: Int)])
    }

    /// Declares `name`.weight [O, I] and, with a bias, `name`.bias [O], and the adapters that the layout's adaptation
    /// names.
    package init(
        _ name: String, inputWidth: Int, outputWidth: Int, bias: Bool, _ initialization: WeightInitialization,
        adaptable: Adaptable = .no, in layout: inout ParameterLayout
    ) {
        let initializer = initialization.initializer(inputWidth: inputWidth, outputWidth: outputWidth)
        self.inputWidth = inputWidth
        self.outputWidth = outputWidth
        weight = layout.declare("\(name).weight", [outputWidth, inputWidth], initializer, decays: true)
        self.bias = bias ? layout.declare("\(name).bias", [outputWidth], .zeros, decays: false) : nil
        adapters = Linear.adapters(name, adaptable, weight, inputWidth, outputWidth, in: &layout)
    }

    /// Declares the adapters of a layer.
    private static func adapters(
        _ name: String, _ adaptable: Adaptable, _ weight: Int, _ inputWidth: Int, _ outputWidth: Int,
        in layout: inout ParameterLayout
    ) -> [LowRankAdapter] {
        var candidates: [AdaptableOutputs] = []
        func add(_ name: String, _ outputs: Range<Int>) {
            candidates.append(AdaptableOutputs(name: name, weight: weight, outputs: outputs))
        }
        switch adaptable {
        case .no: return []
        case .whole: add(name, 0..<outputWidth)
        case .parts(let parts):
            add(name, 0..<outputWidth)
            var first = 0
            for part in parts {
                add(part.name, first..<first + part.width)
                first += part.width
            }
        }
        return layout.declareAdapters(candidates, inputWidth: inputWidth)
    }

    /// A layer that shares a weight declared elsewhere, such as a head tied to an embedding. With a bias, it declares
    /// `name`.bias [O].
    package init(
        _ name: String, sharing weight: Int, inputWidth: Int, outputWidth: Int, bias: Bool,
        in layout: inout ParameterLayout
    ) {
        self.inputWidth = inputWidth
        self.outputWidth = outputWidth
        self.weight = weight
        self.bias = bias ? layout.declare("\(name).bias", [outputWidth], .zeros, decays: false) : nil
        adapters = []
    }

    /// Computes output = input·Wᵀ + b, plus the outputs of the adapters.
    ///
    /// - Parameters:
    ///   - input: [R, I].
    ///   - output: [R, O], in the storage type or in Float32.
    package func forward<Output: Storage>(
        _ input: UnsafePointer<Element>, into output: UnsafeMutablePointer<Output>, rows: Int,
        _ context: LayerContext<Element>
    ) {
        let weights = context.weights
        matrixProduct(
            input, stride: inputWidth, weights + weight, .transposed, stride: inputWidth,
            bias: bias.map { weights + $0 },
            into: output, stride: outputWidth, m: rows, n: outputWidth, k: inputWidth, engine: context.engine)
        guard let arenas = context.adapters else { return }
        for adapter in adapters {
            adapter.forward(
                input, accumulatingInto: output, outputWidth: outputWidth, rows: rows, arenas, context)
        }
    }

    /// Computes the backward pass of `forward`: the gradients of the input, of W and b unless these are frozen, and of
    /// the adapters.
    ///
    /// - Parameters:
    ///   - input: [R, I], the input of the forward pass.
    ///   - outputGradient: [R, O], in Float32 or, if the context rounds gradients, bfloat16.
    ///   - inputGradient: [R, I], overwritten; nil: not computed.
    ///   - accumulating: Whether to add to the gradients of W and b instead of overwriting them.
    ///   - accumulatingInput: Whether to add to the input's gradient instead of overwriting it.
    package func backward<Gradient: Storage>(
        _ input: UnsafePointer<Element>, outputGradient: UnsafePointer<Gradient>,
        inputGradient: UnsafeMutablePointer<Float>?, rows: Int,
        accumulating: Bool = false, accumulatingInput: Bool = false, _ context: LayerContext<Element>
    ) {
        func multiply<Number: Storage>(_ outputGradient: UnsafePointer<Number>) {
            if let inputGradient {
                matrixProduct(
                    outputGradient, stride: outputWidth, context.weights + weight, stride: inputWidth,
                    into: inputGradient, stride: inputWidth, m: rows, n: inputWidth, k: outputWidth,
                    accumulating: accumulatingInput)
            }
            guard let gradients = context.gradients else { return }
            matrixProduct(
                outputGradient, .transposed, stride: outputWidth, input, stride: inputWidth, into: gradients + weight,
                stride: inputWidth, m: outputWidth, n: inputWidth, k: rows, accumulating: accumulating)
        }
        if context.roundsGradients, inputGradient != nil, Gradient.self != BFloat16.self {
            // Both matmuls would round the gradient.
            let rounded = context.workspace.numbers(.roundedGradient, rows * outputWidth, BFloat16.self)
            convert(outputGradient, into: rounded, count: rows * outputWidth)
            multiply(rounded)
        } else {
            multiply(outputGradient)
        }
        if let arenas = context.adapters, !adapters.isEmpty {
            guard let outputGradient = outputGradient as? UnsafePointer<Float> else {
                preconditionFailure("the gradients of an adapted layer's outputs are Float32")
            }
            for adapter in adapters {
                adapter.backward(
                    input, outputGradient: outputGradient, outputWidth: outputWidth, accumulatingInto: inputGradient,
                    rows: rows, arenas, context)
            }
        }
        if let bias, let gradients = context.gradients {
            biasGradient(
                outputGradient, into: gradients + bias, rows: rows, columns: outputWidth, accumulating: accumulating)
        }
    }
}
