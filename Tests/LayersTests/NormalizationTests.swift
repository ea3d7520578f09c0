import Layers
import Tensors
import TestSupport
import Testing

@Suite struct NormalizationTests {
    @Test(arguments: [NormalizationKind.layer, .rootMeanSquare, .offsetRootMeanSquare], [true, false])
    func equalsTheReference(kind: NormalizationKind, hasShift: Bool) {
        let (rows, width) = (3, 7)
        var layout = ParameterLayout()
        layout.beginSection()
        let layer = Normalization<Float>(
            "norm", width: width, NormalizationStyle(kind: kind, epsilon: 0.25, hasShift: hasShift), in: &layout)
        let names = kind == .layer && hasShift ? ["norm.scale", "norm.shift"] : ["norm.scale"]
        #expect(layout.parameters.map(\.name) == names)
        #expect(layout.parameters.allSatisfy { !$0.decays })
        checkLayer(layout, inputCount: rows * width, outputCount: rows * width) { run in
            let statistics = run.activations.takeStatistics(Float.self, rows: rows)
            layer.forward(run.input, into: run.output, statistics, rows: rows, run.context())
            layer.backward(
                run.input, outputGradient: run.outputGradient, accumulatingInto: run.inputGradient, statistics,
                rows: rows, run.context())
        } reference: { parameters, input in
            let scale = parameters["norm.scale"]!
            return kind == .layer
                ? Reference.layerNormalization(
                    input, scale: scale, shift: parameters["norm.shift"], epsilon: 0.25
                ).output
                : Reference.rmsNormalization(
                    input, scale: scale.map { $0 + (kind == .rootMeanSquare ? 0 : 1) }, epsilon: 0.25
                ).output
        }
    }
}
