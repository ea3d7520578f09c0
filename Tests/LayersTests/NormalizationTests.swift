import Layers
import Tensors
import TestSupport
import Testing

@Suite struct NormalizationTests {
    @Test(arguments: [true, false])
    func gradients(bias: Bool) {
        let (rows, width) = (3, 7)
        var layout = ParameterLayout()
        layout.beginSection()
        let layer = Normalization<Float>("norm", width: width, bias: bias, in: &layout)
        #expect(layout.parameters.map(\.name) == (bias ? ["norm.scale", "norm.shift"] : ["norm.scale"]))
        #expect(layout.parameters.allSatisfy { !$0.decays })
        checkLayer(layout, inputCount: rows * width, outputCount: rows * width) { run in
            let statistics = run.activations.takeStatistics(Float.self, rows: rows)
            layer.forward(run.input, weights: run.weights, into: run.output, statistics, rows: rows)
            layer.backward(
                run.input, outputGradient: run.outputGradient, weights: run.weights, gradients: run.gradients,
                accumulatingInto: run.inputGradient, statistics, rows: rows, run.workspace)
        } reference: { parameters, input in
            Reference.layerNormalization(
                input, scale: parameters["norm.scale"]!, shift: parameters["norm.shift"]
            ).output
        }
    }
}
