import Kernels
import Layers
import Tensors
import TestSupport
import Testing

// R rows, C hidden size, V outputs.

@Suite struct PredictionHeadTests {
    private static let (R, C, V) = (3, 6, 4)

    @Test(arguments: [nil, .geluExact, .relu] as [ActivationForm?], [false, true])
    func equalsTheReference(transform: ActivationForm?, bias: Bool) {
        let (R, C, V) = (PredictionHeadTests.R, PredictionHeadTests.C, PredictionHeadTests.V)
        var layout = ParameterLayout()
        layout.beginSection()
        let style = NormalizationStyle(kind: .layer, epsilon: 0.01, hasShift: true)
        let head = PredictionHead<Float>(
            inputWidth: C, outputWidth: V, tiedTo: nil, bias: bias, transform: transform.map { ($0, style) },
            WeightInitialization(.xavier), in: &layout)
        checkLayer(layout, inputCount: R * C, outputCount: R * V) { run in
            let rows = head.transformed(run.input, rows: R, run.context())
            head.output.forward(rows, into: run.output, rows: R, run.context())
            head.output.backward(
                rows, outputGradient: run.outputGradient, inputGradient: run.inputGradient, rows: R, run.context())
            head.transformedBackward(
                run.input, gradient: run.inputGradient, rows: R, run.context())
        } reference: { parameters, input in
            func linear(_ name: String, _ input: [Double]) -> [Double] {
                Reference.linear(
                    input, weight: parameters["\(name).weight"]!, bias: parameters["\(name).bias"], rows: R,
                    inputWidth: C)
            }
            guard let transform else { return linear("head", input) }
            let activated = linear("head_transform", input).map { Reference.activation($0, transform) }
            return linear(
                "head",
                Reference.layerNormalization(
                    activated, scale: parameters["head_normalization.scale"]!,
                    shift: parameters["head_normalization.shift"], epsilon: 0.01
                ).output)
        }
    }
}
