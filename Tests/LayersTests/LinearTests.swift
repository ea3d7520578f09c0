import Layers
import Numbers
import Products
import Tensors
import TestSupport
import Testing

@Suite struct LinearTests {
    private func linear<Element: Storage>(
        _: Element.Type, bias: Bool, _ inputWidth: Int, _ outputWidth: Int
    ) -> (layer: Linear<Element>, layout: ParameterLayout) {
        var layout = ParameterLayout()
        layout.beginSection()
        let layer = Linear<Element>(
            "map", inputWidth: inputWidth, outputWidth: outputWidth, bias: bias, WeightInitialization(.xavier),
            in: &layout)
        return (layer, layout)
    }

    @Test(arguments: [true, false])
    func equalsTheReference(bias: Bool) {
        let (layer, layout) = linear(Float.self, bias: bias, 5, 7)
        checkLayer(layout, inputCount: 15, outputCount: 21) { run in
            layer.forward(run.input, into: run.output, rows: 3, run.context())
            layer.backward(
                run.input, outputGradient: run.outputGradient, inputGradient: run.inputGradient, rows: 3, run.context())
        } reference: { parameters, input in
            Reference.linear(
                input, weight: parameters["map.weight"]!, bias: parameters["map.bias"], rows: 3, inputWidth: 5)
        }
    }

    @Test func declaresWeightAndBias() {
        let (layer, layout) = linear(Float.self, bias: true, 5, 7)
        #expect(layout.parameters.map(\.name) == ["map.weight", "map.bias"])
        #expect(layout.parameters.map(\.shape) == [[7, 5], [7]])
        #expect(layout.parameters.map(\.decays) == [true, false])
        #expect(layout.parameters.map(\.offset) == [layer.weight, layer.bias])
    }

    /// For a weight [7, 5], fan-in is 5 and fan-out is 7 (Glorot & Bengio; He et al.).
    @Test func initializersFollowFanInAndFanOut() {
        func initializer(_ spread: WeightInitialization.Spread) -> Initializer {
            WeightInitialization(spread, factor: 0.5).initializer(inputWidth: 5, outputWidth: 7)
        }
        #expect(initializer(.normal(deviation: 0.02)) == .normal(standardDeviation: 0.01))
        #expect(initializer(.xavier) == .uniform(bound: 0.5 * (6.0 / 12).squareRoot()))
        #expect(initializer(.kaiming) == .uniform(bound: 0.5 * (6.0 / 5).squareRoot()))
    }

    /// Adds to an input gradient that another consumer of the input has written.
    @Test func addsToTheInputsGradient() {
        let (layer, layout) = linear(Float.self, bias: false, 5, 7)
        let weights: Arena<Float> = layout.randomArena(Float.self, seed: 1, deviation: 0.5)
        let gradients = Arena<Float>(count: layout.count)
        let (before, outputGradient) = (normals(15, seed: 2), normals(21, seed: 3))
        withTestMemory { memory in
            let dx = memory.numbers(before, Float.self)
            layer.backward(
                memory.numbers(normals(15, seed: 4), Float.self),
                outputGradient: memory.numbers(outputGradient, Float.self), inputGradient: dx, rows: 3,
                accumulatingInput: true,
                LayerContext(weights: weights.base, gradients: gradients.base, Workspace()))
            let added = Reference.matrixProduct(
                outputGradient, layout.named(weights)["map.weight"]!, m: 3, n: 5, k: 7)
            expectClose(array(dx, 15), Reference.sum(before, added), absolute: 64 * Float.unitRoundoff)
        }
        withExtendedLifetime((weights, gradients)) {}
    }

    @Test func equalsTheReferenceForEveryStorageType() {
        check(Float.self)
        check(Float16.self)
        check(BFloat16.self)
    }

    /// Checks forward into the storage type and into Float32, and backward in two halves of the rows, accumulating the
    /// second.
    private func check<Element: Storage>(_: Element.Type) {
        let (rows, inputWidth, outputWidth) = (6, 17, 9)
        let (layer, layout) = linear(Element.self, bias: true, inputWidth, outputWidth)
        let weights: Arena<Element> = layout.randomArena(Element.self, seed: 1, deviation: 0.5)
        let gradients = Arena<Element>(count: layout.count)
        let parameters = layout.named(weights)
        let (input, outputGradient) = (normals(rows * inputWidth, seed: 2), normals(rows * outputWidth, seed: 3))
        let expected = Reference.linear(
            input, weight: parameters["map.weight"]!, bias: parameters["map.bias"], rows: rows, inputWidth: inputWidth)
        // Sums of 17 products below 8. Stored sums are rounded once, accumulated ones twice.
        let absolute = 17 * 8 * (Float.unitRoundoff + Element.productError(with: Float.self))
        withTestMemory { memory in
            let context = LayerContext(weights: weights.base, gradients: gradients.base, Workspace())
            let x = memory.numbers(input, Element.self)
            let (y, wide) = (
                memory.output(rows * outputWidth, Element.self), memory.output(rows * outputWidth, Float.self)
            )
            layer.forward(x, into: y, rows: rows, context)
            layer.forward(x, into: wide, rows: rows, context)
            expectClose(
                array(y, rows * outputWidth), expected, absolute: absolute, relative: Element.unitRoundoff, "forward")
            expectClose(array(wide, rows * outputWidth), expected, absolute: absolute, "forward into Float32")

            let (dy, dx) = (memory.numbers(outputGradient, Float.self), memory.output(rows * inputWidth, Float.self))
            for start in [0, rows / 2] {
                layer.backward(
                    x + start * inputWidth, outputGradient: dy + start * outputWidth,
                    inputGradient: dx + start * inputWidth, rows: rows / 2,
                    accumulating: start > 0, context)
            }
            expectClose(
                array(dx, rows * inputWidth),
                Reference.matrixProduct(
                    outputGradient, parameters["map.weight"]!, m: rows, n: inputWidth, k: outputWidth),
                absolute: absolute, "inputGradient")
            let actual = layout.named(gradients)
            let transposed = Reference.transposed(outputGradient, rows: rows, columns: outputWidth)
            expectClose(
                actual["map.weight"]!,
                Reference.matrixProduct(transposed, input, m: outputWidth, n: inputWidth, k: rows),
                absolute: absolute + 8 * Element.unitRoundoff, relative: 2 * Element.unitRoundoff, "weight gradient")
            expectClose(
                actual["map.bias"]!, Reference.columnSums(outputGradient, columns: outputWidth),
                absolute: absolute + 8 * Element.unitRoundoff, relative: 2 * Element.unitRoundoff, "bias gradient")
        }
    }
}
