import Models
import Numbers
import Tensors
import TestSupport
import Testing

/// Logits, losses and all gradients of models against PyTorch.
@Suite struct GoldenModelTests {
    /// Errors are relative to the norm of the tensor's gradient.
    @Test(arguments: GoldenModel.all)
    func float32MatchesPyTorch(golden: GoldenModel) throws {
        try check(golden, Float.self, logits: 1e-5, gradients: 1e-5, scale: 1)
    }

    /// Weights, activations and gradients are rounded to 11 bits: logits of magnitude up to 4 are within a few units of
    /// 2⁻¹¹.
    @Test(arguments: GoldenModel.all)
    func float16IsCloseToPyTorch(golden: GoldenModel) throws {
        try check(golden, Float16.self, logits: 0.01, gradients: 0.01, scale: 1024)
    }

    /// The same with 8 bits; the gradients that travel between layers are rounded for each matmul, too.
    @Test(arguments: GoldenModel.all)
    func bfloat16IsCloseToPyTorch(golden: GoldenModel) throws {
        try check(golden, BFloat16.self, logits: 0.08, gradients: 0.2, scale: 1)
    }

    private func check<Element: Storage>(
        _ golden: GoldenModel, _: Element.Type, logits tolerance: Double, gradients relative: Double, scale: Double
    ) throws {
        let file = try GoldenFile(golden.name)
        let (model, batch) = (golden.model(Element.self), try golden.batch(file))
        let weights = try golden.weights(file, model.layout, Element.self)
        let gradients = Arena<Element>(count: model.layout.count)
        let count = Double(batch.targetRows.count)

        expectClose(model.logits(weights, batch), try file.numbers("logits"), absolute: tolerance, "golden logits")
        let losses = model.pass(weights, batch, golden.loss, into: gradients, gradientScale: scale / count)
        let loss = losses.reduce(0) { $0 + Double($1) } / count
        expectClose(loss, try file.numbers("loss")[0], absolute: tolerance, "golden loss")

        let actual = model.layout.named(gradients)
        for parameter in model.layout.parameters {
            let visible = golden.configuration.visible(parameter.name)
            expectCloseInNorm(
                visible(Reference.scaled(actual[parameter.name]!, by: 1 / scale)),
                visible(try file.numbers("gradients/\(parameter.name)")), relative: relative,
                "golden \(parameter.name)")
        }
    }
}
