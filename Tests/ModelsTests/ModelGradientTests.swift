import Layers
import Models
import Numbers
import Tensors
import TestSupport
import Testing

/// Whole models and their objectives against the Float64 reference implementation.
@Suite struct ModelGradientTests {
    @Test(arguments: ModelVariant.all)
    func gradientsEqualReference(variant: ModelVariant) {
        let (model, batch, reference) = (variant.model(Float.self), variant.batch(), variant.reference)
        let weights: Arena<Float> = model.layout.randomArena(Float.self, seed: 1, deviation: 0.3)
        let gradients = Arena<Float>(count: model.layout.count)
        gradients.base.update(repeating: .nan, count: model.layout.count)
        let parameters = model.layout.named(weights)
        let scale = 1 / Double(batch.targetRows.count)

        let logits = model.logits(weights, batch, variant.dropouts)
        let losses = model.pass(
            weights, batch, variant.loss, into: gradients, gradientScale: scale, variant.dropouts)
        // Up to ten residual additions of sums of up to 32 terms, then a matrix product over the hidden size.
        let tolerance = 64 * Float.unitRoundoff
        let expected = reference.output(parameters, batch.input)
        expectClose(logits, expected, absolute: tolerance, relative: tolerance, "logits")
        expectClose(
            losses, batch.losses(expected, variant.loss), absolute: tolerance, relative: tolerance, "losses")

        let actual = model.layout.named(gradients)
        for parameter in model.layout.parameters {
            checkGradients(
                actual[parameter.name]!, at: parameters[parameter.name]!, tolerance: 2 * tolerance, parameter.name
            ) { moved in
                var parameters = parameters
                parameters[parameter.name] = moved
                return scale
                    * batch.losses(reference.output(parameters, batch.input), variant.loss).reduce(0, +)
            }
        }
    }

    /// The error of 16-bit gradients: a dozen roundings of stored activations and gradients on the longest path,
    /// amplified by normalizations over only eight elements. It is less than 40 units of 2⁻¹¹ of each gradient's
    /// norm. With bfloat16 it is less than 80 units of 2⁻⁸, because matmuls round gradients, too.
    @Test(arguments: ModelVariant.all)
    func float16GradientsAreCloseToFloat32(variant: ModelVariant) { checkHalves(variant, Float16.self, units: 40) }

    @Test(arguments: ModelVariant.all)
    func bfloat16GradientsAreCloseToFloat32(variant: ModelVariant) { checkHalves(variant, BFloat16.self, units: 80) }

    private func checkHalves<Half: Storage>(_ variant: ModelVariant, _: Half.Type, units: Double) {
        let (narrow, wide, batch) = (variant.model(Half.self), variant.model(Float.self), variant.batch())
        let halfWeights: Arena<Half> = narrow.layout.randomArena(Half.self, seed: 1, deviation: 0.3)
        let weights: Arena<Float> = wide.layout.randomArena(Float.self, seed: 1, deviation: 0.3)
        let (halfGradients, gradients) = (
            Arena<Half>(count: narrow.layout.count), Arena<Float>(count: wide.layout.count)
        )
        // Loss scaling keeps gradients far above the smallest Float16 numbers.
        let scale = 64.0
        let halfLosses = narrow.pass(
            halfWeights, batch, variant.loss, into: halfGradients, gradientScale: scale, variant.dropouts)
        let losses = wide.pass(weights, batch, variant.loss, into: gradients, gradientScale: scale, variant.dropouts)
        expectCloseInNorm(halfLosses, losses.map(Double.init), relative: 4 * Half.unitRoundoff, "losses")
        let (actual, expected) = (narrow.layout.named(halfGradients), wide.layout.named(gradients))
        for name in expected.keys.sorted() {
            let visible = variant.configuration.visible(name)
            expectCloseInNorm(
                visible(actual[name]!), visible(expected[name]!), relative: units * Half.unitRoundoff, name)
        }
    }

    /// What is computed again has the same bits, with dropout as well.
    @Test(arguments: ModelVariant.all, [Recomputation.attention, .block])
    func recomputationChangesNoBit(variant: ModelVariant, recomputation: Recomputation) {
        let (model, batch) = (variant.model(Float.self), variant.batch())
        let weights: Arena<Float> = model.layout.randomArena(Float.self, seed: 1, deviation: 0.3)
        let (kept, again) = (Arena<Float>(count: model.layout.count), Arena<Float>(count: model.layout.count))
        let losses = model.pass(weights, batch, variant.loss, into: kept, variant.dropouts)
        #expect(model.pass(weights, batch, variant.loss, into: again, variant.dropouts, recomputation) == losses)
        #expect(array(again.base, again.count) == array(kept.base, kept.count))
        let bytes = Recomputation.allCases.map { model.activationBytes(sequences: 2, positions: 8, $0) }
        #expect(variant.configuration.layers < 2 || bytes[2] < bytes[1] && bytes[1] < bytes[0])
    }

    /// Sections become final in order from the head to the embeddings, and their gradients do not change afterwards.
    @Test(arguments: ModelVariant.all)
    func sectionsBecomeFinalFromHeadToEmbeddings(variant: ModelVariant) {
        let model = variant.model(Float.self)
        let weights: Arena<Float> = model.layout.randomArena(Float.self, seed: 1, deviation: 0.3)
        let gradients = Arena<Float>(count: model.layout.count)
        func values(_ section: Int) -> [Float] {
            let range = model.layout.sections[section]
            return array(gradients.base + range.lowerBound, range.count)
        }
        var (order, sections): ([Int], [[Float]]) = ([], [])
        _ = model.pass(weights, variant.batch(), variant.loss, into: gradients, variant.dropouts) { section in
            order.append(section)
            sections.append(values(section))
        }
        #expect(order == model.layout.sections.indices.reversed())
        for (section, final) in zip(order, sections) {
            #expect(final == values(section))
            #expect(final.isEmpty || final.contains { $0 != 0 })
        }
    }

    /// The results of a pass do not depend on what an earlier, larger pass left in gradients and workspace, and the
    /// padding between parameters stays zero.
    @Test(arguments: ModelVariant.all)
    func passesAreIndependent(variant: ModelVariant) {
        let (model, batch) = (variant.model(Float.self), variant.batch())
        let weights: Arena<Float> = model.layout.randomArena(Float.self, seed: 1, deviation: 0.3)
        let (fresh, used) = (Arena<Float>(count: model.layout.count), Arena<Float>(count: model.layout.count))
        let losses = model.pass(weights, batch, variant.loss, into: fresh, variant.dropouts)
        let workspace = Workspace()
        let other = variant.batch(seed: 8).padded(by: sizeLeft(variant), seed: 9, counting: true)
        _ = model.pass(
            weights, other, variant.loss, into: used, gradientScale: 100, variant.dropouts, workspace: workspace)
        #expect(
            model.pass(weights, batch, variant.loss, into: used, variant.dropouts, workspace: workspace) == losses)
        #expect(array(used.base, used.count) == array(fresh.base, fresh.count))
        let own = Set(model.layout.parameters.flatMap(\.range))
        #expect((0..<fresh.count).allSatisfy { own.contains($0) || fresh.base[$0] == 0 })
    }

    /// The number of positions by which the context exceeds the batch.
    private func sizeLeft(_ variant: ModelVariant) -> Int {
        variant.sizes.contextLength - variant.batch().input.positions
    }
}
