import Kernels
import Layers
import Numbers
import Tensors
import TestSupport
import Testing

/// Low-rank adapters of a frozen linear layer, against a reference in Float64 and its finite differences.
@Suite struct LowRankTests {
    private let rows = 6
    private let sequences = 2
    private let inputWidth = 5
    private let outputWidth = 7

    private func layer<Element: Storage>(
        _: Element.Type, _ targets: [String]
    ) -> (layer: Linear<Element>, layout: ParameterLayout) {
        var adaptation = LowRankAdaptation()
        (adaptation.rank, adaptation.alpha, adaptation.targets) = (2, 3, targets)
        var layout = ParameterLayout(adaptation)
        layout.beginSection()
        let layer = Linear<Element>(
            "blocks.0.map", inputWidth: inputWidth, outputWidth: outputWidth, bias: true, WeightInitialization(.xavier),
            adaptable: .parts([("blocks.0.first", 3), ("blocks.0.second", 4)]), in: &layout)
        return (layer, layout)
    }

    /// The output for the frozen parameters, the adapters by name, and the factors of the dropout of each adapter.
    private func reference(
        _ frozen: [String: [Double]], _ trained: [String: [Double]], _ adapters: [LowRankAdapter], _ input: [Double],
        factors: [[Double]]
    ) -> [Double] {
        var output = Reference.linear(
            input, weight: frozen["blocks.0.map.weight"]!, bias: frozen["blocks.0.map.bias"], rows: rows,
            inputWidth: inputWidth)
        for adapter in adapters {
            let dropped = zip(input, factors[adapter.index]).map { $0 * $1 }
            let inner = Reference.linear(
                dropped, weight: trained["\(adapter.name).lora_a"]!, bias: nil, rows: rows, inputWidth: inputWidth)
            let added = Reference.linear(
                inner, weight: trained["\(adapter.name).lora_b"]!, bias: nil, rows: rows, inputWidth: adapter.rank)
            for row in 0..<rows {
                for (column, place) in adapter.outputs.enumerated() {
                    output[row * outputWidth + place] += 1.5 * added[row * adapter.outputs.count + column]
                }
            }
        }
        return output
    }

    /// The factors that a dropout multiplies the inputs of an adapter with.
    private func factors(_ dropout: Dropout?, site: Int) -> [Double] {
        withTestMemory { memory in
            let ones = memory.numbers([Double](repeating: 1, count: rows * inputWidth), Float.self)
            dropout?.apply(ones, sequences: sequences, elements: rows / sequences * inputWidth, site: site)
            return array(ones, rows * inputWidth).map(Double.init)
        }
    }

    @Test(arguments: [["map"], ["first", "second"], ["second"]], [0, 0.4])
    func equalsTheReference(targets: [String], dropoutRate: Double) {
        let (layer, layout) = layer(Float.self, targets)
        let trained = layout.trained
        #expect(layout.adapters.map(\.name) == targets.map { "blocks.0.\($0)" })
        let weights: Arena<Float> = layout.randomArena(Float.self, seed: 1, deviation: 0.5)
        let adapters: Arena<Float> = trained.randomArena(Float.self, seed: 2, deviation: 0.5)
        let gradients = Arena<Float>(count: trained.count)
        let (frozenNumbers, numbers) = (layout.named(weights), trained.named(adapters))
        let (input, outputGradient) = (normals(rows * inputWidth, seed: 3), normals(rows * outputWidth, seed: 4))
        let samples: [UInt64] = [7, 9]
        samples.withUnsafeBufferPointer { samples in
            let dropout = Dropout(
                rate: dropoutRate, seed: 5, step: 6, samples: samples.baseAddress!, for: .adapterDropout)
            let masks = layout.adapters.map { factors(dropout, site: $0.index) }
            #expect(masks.joined().contains(0) == (dropoutRate > 0))
            func output(_ numbers: [String: [Double]], _ input: [Double]) -> [Double] {
                reference(frozenNumbers, numbers, layout.adapters, input, factors: masks)
            }
            let tolerance = 128 * Float.unitRoundoff
            withTestMemory { memory in
                let context = LayerContext(
                    weights: weights.base,
                    adapters: AdapterArenas(
                        weights: adapters.base, gradients: gradients.base, dropout: dropout, sequences: sequences),
                    Workspace())
                let x = memory.numbers(input, Float.self)
                let (y, dx) = (
                    memory.output(rows * outputWidth, Float.self), memory.output(rows * inputWidth, Float.self)
                )
                layer.forward(x, into: y, rows: rows, context)
                layer.backward(
                    x, outputGradient: memory.numbers(outputGradient, Float.self), inputGradient: dx, rows: rows,
                    context)
                expectClose(
                    array(y, rows * outputWidth), output(numbers, input), absolute: tolerance, relative: tolerance)
                checkGradients(array(dx, rows * inputWidth), at: input, tolerance: tolerance, "input") {
                    Reference.dot(output(numbers, $0), outputGradient)
                }
            }
            let actual = trained.named(gradients)
            for parameter in trained.parameters {
                checkGradients(
                    actual[parameter.name]!, at: numbers[parameter.name]!, tolerance: tolerance, parameter.name
                ) { moved in
                    var numbers = numbers
                    numbers[parameter.name] = moved
                    return Reference.dot(output(numbers, input), outputGradient)
                }
            }
        }
        withExtendedLifetime((weights, adapters, gradients)) {}
    }

    /// Merged weights give the outputs of adapters beside the weights, and the storage types differ only by rounding.
    @Test func mergingAndStorageTypesKeepTheOutput() {
        let (_, layout) = layer(Float.self, ["first", "second"])
        let weights: Arena<Float> = layout.randomArena(Float.self, seed: 1, deviation: 0.5)
        let adapters: Arena<Float> = layout.trained.randomArena(Float.self, seed: 2, deviation: 0.5)
        let input = normals(rows * inputWidth, seed: 3)
        func output<Element: Storage>(_: Element.Type, _ weights: Arena<Float>, adapted: Bool) -> [Double] {
            let layer = layer(Element.self, ["first", "second"]).layer
            let (frozen, trained) = (Arena<Element>(count: layout.count), Arena<Element>(count: layout.trained.count))
            convert(UnsafePointer(weights.base), into: frozen.base, count: layout.count)
            convert(UnsafePointer(adapters.base), into: trained.base, count: layout.trained.count)
            return withTestMemory { memory in
                let y = memory.output(rows * outputWidth, Element.self)
                let arenas = adapted ? AdapterArenas(weights: UnsafePointer(trained.base)) : nil
                layer.forward(
                    memory.numbers(input, Element.self), into: y, rows: rows,
                    LayerContext(weights: frozen.base, adapters: arenas, Workspace()))
                return withExtendedLifetime((frozen, trained)) { array(y, rows * outputWidth).map { Double($0) } }
            }
        }
        let beside = output(Float.self, weights, adapted: true)
        expectClose(output(Float16.self, weights, adapted: true), beside, absolute: 0.05)
        expectClose(output(BFloat16.self, weights, adapted: true), beside, absolute: 0.3)
        for adapter in layout.adapters { adapter.merge(adapters.base, into: weights.base) }
        expectClose(output(Float.self, weights, adapted: false), beside, absolute: 64 * Float.unitRoundoff)
        withExtendedLifetime((weights, adapters)) {}
    }

    /// The layout of the adapters has the sections of the model's, and B is initially 0.
    @Test func adaptersHaveALayoutOfTheirOwn() {
        let (_, layout) = layer(Float.self, ["first", "second"])
        let trained = layout.trained
        #expect(
            trained.parameters.map(\.name) == [
                "blocks.0.first.lora_a", "blocks.0.first.lora_b", "blocks.0.second.lora_a", "blocks.0.second.lora_b",
            ])
        #expect(trained.parameters.map(\.shape) == [[2, 5], [3, 2], [2, 5], [4, 2]])
        #expect(trained.parameters.map(\.initializer)[1] == .zeros)
        #expect(trained.sections.count == layout.sections.count)
        #expect(layout.adaptables.map(\.name) == ["blocks.0.map", "blocks.0.first", "blocks.0.second"])
        // A whole layer is adapted once, whatever parts are named as well.
        #expect(self.layer(Float.self, ["*"]).layout.adapters.map(\.outputs) == [0..<7])
    }
}
