import Kernels
import Layers
import Tensors
import TestSupport
import Testing

// B sequences, T positions, C hidden size.

@Suite struct PoolingTests {
    private static let (B, T, C) = (3, 4, 5)

    @Test(arguments: [PoolingKind.first, .mean, .dense, .denseReLU], [nil, [4, 1, 3]])
    func equalsTheReference(kind: PoolingKind, lengths: [Int]?) {
        let (B, T, C) = (PoolingTests.B, PoolingTests.T, PoolingTests.C)
        let hasLayer = kind == .dense || kind == .denseReLU
        var layout = ParameterLayout()
        layout.beginSection()
        let layer = Pooling<Float>(kind, width: C, WeightInitialization(.xavier), in: &layout)
        #expect(layout.parameters.map(\.name) == (hasLayer ? ["pooler.weight", "pooler.bias"] : []))
        checkLayer(layout, inputCount: B * T * C, outputCount: B * C) { run in
            withTestMemory { memory in
                let activations = layer.takeActivations(sequences: B, from: run.activations)
                let lengths = lengths.map { UnsafePointer(memory.integers($0)) }
                let pass = Pass(
                    sequences: B, positions: T, mask: AttentionMask(isCausal: false, lengths: lengths), run.context())
                layer.forward(run.input, activations, pass)
                run.output.update(from: activations.output, count: B * C)
                layer.backward(
                    outputGradient: run.outputGradient, into: run.inputGradient, activations, pass)
            }
        } reference: { parameters, input in
            let rows = (0..<B).flatMap { b -> [Double] in
                let count = kind == .mean ? lengths?[b] ?? T : 1
                return (0..<C).map { c in
                    (0..<count).reduce(0) { $0 + input[(b * T + $1) * C + c] } / Double(count)
                }
            }
            if !hasLayer { return rows }
            return Reference.linear(
                rows, weight: parameters["pooler.weight"]!, bias: parameters["pooler.bias"], rows: B, inputWidth: C
            ).map { Reference.activation($0, kind == .dense ? .tanh : .relu) }
        }
    }
}
