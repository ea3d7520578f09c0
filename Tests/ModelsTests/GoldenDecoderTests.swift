import Kernels
import Models
import Tensors
import TestSupport
import Testing

/// The decoder against PyTorch: logits, loss and every gradient.
@Suite struct GoldenDecoderTests {
    /// "decoder" is tied, with biases and the tanh form; "decoder_untied_exact" is none of it.
    static func decoder<Element: Storage>(_ name: String, _: Element.Type) -> Decoder<Element> {
        var configuration = ModelConfiguration()
        (configuration.layers, configuration.heads, configuration.width) = (2, 2, 16)
        if name == "decoder_untied_exact" {
            (configuration.tieEmbeddings, configuration.bias, configuration.activation) = (false, false, .geluExact)
        }
        return Decoder(configuration, vocabularySize: 37, contextLength: 8)
    }

    /// The parameters of the file, each where the layout has it; the names and shapes have to be the same.
    static func weights<Element: Storage>(_ file: GoldenFile, _ layout: ParameterLayout, _: Element.Type) throws
        -> Arena<Element>
    {
        #expect(file.names(below: "parameters/").sorted() == layout.parameters.map(\.name).sorted())
        let weights = Arena<Element>(count: layout.count)
        for parameter in layout.parameters {
            #expect(try file.shape("parameters/\(parameter.name)") == parameter.shape)
            let values = try file.numbers("parameters/\(parameter.name)")
            for (index, value) in zip(parameter.range, values) { weights.base[index] = Element(value) }
        }
        return weights
    }

    /// An error is measured by the norm of its tensor's gradient. The key biases' own is zero, so their noise is measured by
    /// the whole packed bias.
    @Test(arguments: ["decoder", "decoder_untied_exact"])
    func float32(name: String) throws {
        try check(name, Float.self, logits: 1e-5, gradients: 1e-5, scale: 1)
    }

    /// Weights, activations and gradients rounded to 11 bits: logits up to 4 within a few units of 2⁻¹¹.
    @Test(arguments: ["decoder", "decoder_untied_exact"])
    func float16(name: String) throws {
        try check(name, Float16.self, logits: 0.01, gradients: 0.01, scale: 1024)
    }

    private func check<Element: Storage>(
        _ name: String, _: Element.Type, logits tolerance: Double, gradients relative: Double, scale: Double
    ) throws {
        let file = try GoldenFile(name)
        let decoder = GoldenDecoderTests.decoder(name, Element.self)
        let weights = try GoldenDecoderTests.weights(file, decoder.layout, Element.self)
        let gradients = Arena<Element>(count: decoder.layout.count)
        let rows = TokenRows(tokens: try file.integers("inputs"), targets: try file.integers("targets"), positions: 8)

        expectClose(decoder.logits(weights, rows), try file.numbers("logits"), absolute: tolerance, "golden logits")
        let losses = decoder.pass(weights, rows, into: gradients, gradientScale: scale / Double(rows.targetCount))
        let loss = losses.reduce(0) { $0 + Double($1) } / Double(rows.targetCount)
        expectClose(loss, try file.numbers("loss")[0], absolute: tolerance, "golden loss")

        let actual = decoder.layout.named(gradients)
        for parameter in decoder.layout.parameters {
            expectCloseInNorm(
                Reference.scaled(actual[parameter.name]!, by: 1 / scale),
                try file.numbers("gradients/\(parameter.name)"), relative: relative, "golden \(parameter.name)")
        }
    }
}
