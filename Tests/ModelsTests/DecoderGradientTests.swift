import Kernels
import Layers
import Models
import Tensors
import TestSupport
import Testing

/// The whole decoder and its objective against the Float64 reference.
@Suite struct DecoderGradientTests {
    private let rows = TokenRows(sequences: 2, positions: 5, vocabulary: DecoderVariant.vocabulary, seed: 1)

    @Test(arguments: DecoderVariant.all)
    func equalsTheReference(variant: DecoderVariant) {
        let decoder = variant.decoder(Float.self)
        let weights: Arena<Float> = decoder.layout.randomArena(Float.self, seed: 1, deviation: 0.3)
        let gradients = Arena<Float>(count: decoder.layout.count)
        let (parameters, reference) = (decoder.layout.named(weights), variant.reference)
        let scale = 1 / Double(rows.targetCount)

        let (logits, losses) = variant.withDropout { dropout in
            (
                decoder.logits(weights, rows, dropout: dropout),
                decoder.pass(weights, rows, into: gradients, gradientScale: scale, dropout: dropout)
            )
        }
        // A stream of five additions of sums of up to 32 products, then a product over the width.
        let tolerance = 64 * Float.unitRoundoff
        let expected = reference.logits(parameters, tokens: rows.tokens, positions: rows.positions)
        expectClose(logits, expected, absolute: tolerance, relative: tolerance, "logits")
        expectClose(
            losses, Reference.crossEntropy(expected, targets: rows.targets), absolute: tolerance, relative: tolerance,
            "losses")

        let actual = decoder.layout.named(gradients)
        for parameter in decoder.layout.parameters {
            checkGradients(
                actual[parameter.name]!, at: parameters[parameter.name]!, tolerance: tolerance, parameter.name
            ) { moved in
                var parameters = parameters
                parameters[parameter.name] = moved
                return scale
                    * reference.loss(
                        parameters, tokens: rows.tokens, targets: rows.targets, positions: rows.positions)
            }
        }
    }

    /// Gradients in Float16 lose what one rounding of each stored activation and gradient loses, some dozen of them on
    /// the longest way: less than 16 units of 2⁻¹¹ of each gradient's norm.
    @Test(arguments: DecoderVariant.all)
    func float16IsClose(variant: DecoderVariant) {
        let (narrow, wide) = (variant.decoder(Float16.self), variant.decoder(Float.self))
        let halfWeights: Arena<Float16> = narrow.layout.randomArena(Float16.self, seed: 1, deviation: 0.3)
        let weights: Arena<Float> = wide.layout.randomArena(Float.self, seed: 1, deviation: 0.3)
        let (halfGradients, gradients) = (
            Arena<Float16>(count: narrow.layout.count), Arena<Float>(count: wide.layout.count)
        )
        // As loss scaling would: gradients far above the smallest numbers of Float16.
        let scale = 64.0
        let (halfLosses, losses) = variant.withDropout { dropout in
            (
                narrow.pass(halfWeights, rows, into: halfGradients, gradientScale: scale, dropout: dropout),
                wide.pass(weights, rows, into: gradients, gradientScale: scale, dropout: dropout)
            )
        }
        expectCloseInNorm(halfLosses, losses.map(Double.init), relative: 2 * Float16.unitRoundoff, "losses")
        let (actual, expected) = (narrow.layout.named(halfGradients), wide.layout.named(gradients))
        for name in expected.keys.sorted() {
            // Softmax does not see a constant added to all keys: that third of the bias has rounding noise for a gradient.
            let part =
                name.hasSuffix("query_key_value.bias") ? Array(0..<8) + Array(16..<24) : Array(expected[name]!.indices)
            expectCloseInNorm(
                part.map { actual[name]![$0] }, part.map { expected[name]![$0] }, relative: 16 * Float16.unitRoundoff,
                name)
        }
    }

    /// Sections become final from the head down to the embedding, and no gradient changes after it was called final.
    @Test(arguments: [true, false])
    func sectionsAreFinal(tied: Bool) {
        let decoder = DecoderVariant(tied: tied).decoder(Float.self)
        let weights: Arena<Float> = decoder.layout.randomArena(Float.self, seed: 1, deviation: 0.3)
        let gradients = Arena<Float>(count: decoder.layout.count)
        var (order, sections): ([Int], [[Float]]) = ([], [])
        _ = decoder.pass(weights, rows, into: gradients) { section in
            let range = decoder.layout.sections[section]
            order.append(section)
            sections.append(array(gradients.base + range.lowerBound, range.count))
        }
        #expect(order == [3, 2, 1, 0])
        for (section, values) in zip(order, sections) {
            let range = decoder.layout.sections[section]
            #expect(values == array(gradients.base + range.lowerBound, range.count))
            #expect(values.contains { $0 != 0 })
        }
    }

    /// A pass leaves the same bits whatever an earlier one left in the gradients, and padding stays zero.
    @Test(arguments: [true, false])
    func passesDoNotSeeEachOther(tied: Bool) {
        let decoder = DecoderVariant(tied: tied).decoder(Float.self)
        let weights: Arena<Float> = decoder.layout.randomArena(Float.self, seed: 1, deviation: 0.3)
        let (fresh, used) = (Arena<Float>(count: decoder.layout.count), Arena<Float>(count: decoder.layout.count))
        let other = TokenRows(sequences: 3, positions: 5, vocabulary: DecoderVariant.vocabulary, seed: 8)
        let losses = decoder.pass(weights, rows, into: fresh)
        _ = decoder.pass(weights, other, into: used, gradientScale: 100)
        #expect(decoder.pass(weights, rows, into: used) == losses)
        #expect(array(used.base, used.count) == array(fresh.base, fresh.count))
        #expect((0..<fresh.count).allSatisfy { decoder.layout.parameter(containing: $0) != nil || fresh.base[$0] == 0 })
    }
}
