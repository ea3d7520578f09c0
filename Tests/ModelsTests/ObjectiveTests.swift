import Kernels
import Layers
import Objectives
import Tensors
import TestSupport
import Testing

// R rows, C width, V vocabulary.

@Suite struct ObjectiveTests {
    private struct Result: Equatable {
        var losses: [Float]
        var hiddenGradient: [Float]
        var headGradient: [Float]
    }

    private func head(width: Int, vocabulary: Int) -> (layer: Linear<Float>, layout: ParameterLayout) {
        var layout = ParameterLayout()
        layout.beginSection()
        let layer = Linear<Float>(
            "head", inputWidth: width, outputWidth: vocabulary, bias: false, initializer: .zeros, in: &layout)
        return (layer, layout)
    }

    private func run(
        _ hidden: [Double], _ targets: [Int], width: Int, vocabulary: Int, scale: Float = 0.5
    ) -> Result {
        let (layer, layout) = head(width: width, vocabulary: vocabulary)
        let weights: Arena<Float> = layout.randomArena(Float.self, seed: 9, deviation: 1)
        let gradients = Arena<Float>(count: layout.count)
        let (rows, workspace) = (targets.count, Workspace())
        return withTestMemory { memory in
            let (x, t) = (memory.numbers(hidden, Float.self), memory.integers(targets))
            let (losses, dx) = (memory.output(rows, Float.self), memory.output(rows * width, Float.self))
            CausalLanguageModelling().backward(
                hidden: UnsafePointer(x), head: layer, weights: weights.base, gradients: gradients.base, targets: t,
                gradientScale: scale, losses: losses, hiddenGradient: dx, rows: rows, workspace)
            let alone = memory.output(rows, Float.self)
            CausalLanguageModelling().losses(
                hidden: UnsafePointer(x), head: layer, weights: weights.base, targets: t, into: alone, rows: rows,
                workspace)
            #expect(array(alone, rows) == array(losses, rows))
            return Result(
                losses: array(losses, rows), hiddenGradient: array(dx, rows * width),
                headGradient: withExtendedLifetime(weights) { array(gradients.base, width * vocabulary) })
        }
    }

    @Test func gradients() {
        let (rows, width, vocabulary) = (6, 5, 19)
        let (hidden, targets) = (normals(rows * width, seed: 1), [3, -1, 18, 0, -1, 7])
        let (_, layout) = head(width: width, vocabulary: vocabulary)
        let arena: Arena<Float> = layout.randomArena(Float.self, seed: 9, deviation: 1)
        let weight = layout.named(arena)["head.weight"]!
        func losses(_ hidden: [Double], _ weight: [Double]) -> [Double] {
            let logits = Reference.linear(hidden, weight: weight, bias: nil, rows: rows, inputWidth: width)
            return Reference.crossEntropy(logits, targets: targets)
        }
        let result = run(hidden, targets, width: width, vocabulary: vocabulary)
        let tolerance = 64 * Float.unitRoundoff
        expectClose(result.losses, losses(hidden, weight), absolute: tolerance, "losses")
        checkGradients(result.hiddenGradient, at: hidden, tolerance: tolerance, "hidden") {
            0.5 * losses($0, weight).reduce(0, +)
        }
        checkGradients(result.headGradient, at: weight, tolerance: tolerance, "head") {
            0.5 * losses(hidden, $0).reduce(0, +)
        }
    }

    /// More logits than are held at once: two blocks give what two calls give, and the head's gradients add up.
    @Test func blocksAddUp() {
        let (rows, width, vocabulary) = (180, 2, 100_000)
        let hidden = normals(rows * width, seed: 1)
        let targets = integers(rows, below: vocabulary, seed: 2)
        let whole = run(hidden, targets, width: width, vocabulary: vocabulary)
        let (first, second) = (
            run(Array(hidden[..<rows]), Array(targets[..<90]), width: width, vocabulary: vocabulary),
            run(Array(hidden[rows...]), Array(targets[90...]), width: width, vocabulary: vocabulary)
        )
        #expect(whole.losses == first.losses + second.losses)
        #expect(whole.hiddenGradient == first.hiddenGradient + second.hiddenGradient)
        expectClose(
            whole.headGradient, zip(first.headGradient, second.headGradient).map { Double($0) + Double($1) },
            absolute: 16 * Float.unitRoundoff)
    }
}
