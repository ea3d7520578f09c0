import Kernels
import Layers
import Objectives
import Tensors
import TestSupport
import Testing

// R rows, C hidden size, V vocabulary.

@Suite struct ObjectiveTests {
    private struct Result: Equatable {
        var losses: [Float]
        var hiddenGradient: [Float]
        var headGradient: [Float]
        var rows: [Int]
        var logits: [Float]
    }

    private func head(width: Int, outputs: Int) -> (layer: PredictionHead<Float>, layout: ParameterLayout) {
        var layout = ParameterLayout()
        layout.beginSection()
        let layer = PredictionHead<Float>(
            inputWidth: width, outputWidth: outputs, tiedTo: nil, bias: false, transform: nil,
            WeightInitialization(.xavier), in: &layout)
        return (layer, layout)
    }

    private func run(
        _ hidden: [Double], _ targets: [Int], _ values: [Double]? = nil, loss: Loss = .crossEntropy(smoothing: 0),
        width: Int, outputs: Int, scale: Float = 0.5
    ) -> Result {
        let (layer, layout) = head(width: width, outputs: outputs)
        let weights: Arena<Float> = layout.randomArena(Float.self, seed: 9, deviation: 1)
        let gradients = Arena<Float>(count: layout.count)
        let (rows, workspace) = (hidden.count / width, Workspace())
        return withTestMemory { memory in
            let x = memory.numbers(hidden, Float.self)
            let targets: Targets =
                values.map { .values(memory.numbers($0, Float.self)) } ?? .classes(memory.integers(targets))
            let context = LayerContext(weights: weights.base, gradients: gradients.base, workspace)
            let (losses, dx) = (memory.output(rows, Float.self), memory.output(rows * width, Float.self))
            let count = Prediction(loss).backward(
                hidden: UnsafePointer(x), head: layer, targets: targets, gradientScale: scale, losses: losses,
                hiddenGradient: dx, rows: rows, context)
            let alone = memory.output(rows, Float.self)
            var (numbers, logits): ([Int], [Float]) = ([], [])
            let countAlone = Prediction(loss).losses(
                hidden: UnsafePointer(x), head: layer, targets: targets, into: alone, rows: rows, context
            ) { block, rows in
                numbers += rows.map(Int.init)
                logits += array(block, rows.count * outputs)
            }
            #expect(countAlone == count)
            #expect(array(alone, count) == array(losses, count))
            return Result(
                losses: array(losses, count), hiddenGradient: array(dx, rows * width),
                headGradient: withExtendedLifetime((weights, gradients)) { array(gradients.base, width * outputs) },
                rows: numbers, logits: logits)
        }
    }

    private static let cases: [(loss: Loss, targets: [Int], values: [Double]?)] = [
        (.crossEntropy(smoothing: 0), [3, -1, 18, 0, -1, 7], nil),
        (.crossEntropy(smoothing: 0.1), [-1, -1, 18, 0, 2, -1], nil),
        (.crossEntropy(smoothing: 0), [3, 1, 18, 0, 2, 7], nil),
        (.binaryCrossEntropy, [], integers(6 * 19, below: 2, seed: 3).map(Double.init)),
        (.squaredError, [], normals(6 * 19, seed: 3)),
    ]

    @Test(arguments: cases)
    func gradientsEqualFiniteDifferences(loss: Loss, targets: [Int], values: [Double]?) {
        let (rows, width, outputs) = (6, 5, 19)
        let hidden = normals(rows * width, seed: 1)
        let (_, layout) = head(width: width, outputs: outputs)
        let arena: Arena<Float> = layout.randomArena(Float.self, seed: 9, deviation: 1)
        let weight = layout.named(arena)["head.weight"]!
        var batch = ModelBatch()
        (batch.input.sequences, batch.targets, batch.values) = (rows, targets, values)
        func logits(_ hidden: [Double], _ weight: [Double]) -> [Double] {
            Reference.linear(hidden, weight: weight, bias: nil, rows: rows, inputWidth: width)
        }
        func losses(_ hidden: [Double], _ weight: [Double]) -> [Double] {
            batch.losses(logits(hidden, weight), loss)
        }
        let result = run(hidden, targets, values, loss: loss, width: width, outputs: outputs)
        let tolerance = 64 * Float.unitRoundoff
        expectClose(
            result.losses, losses(hidden, weight), absolute: tolerance, relative: tolerance, "losses")
        #expect(result.rows == batch.targetRows)
        let all = logits(hidden, weight)
        expectClose(
            result.logits, batch.targetRows.flatMap { all[$0 * outputs..<($0 + 1) * outputs] }, absolute: tolerance,
            "logits")
        checkGradients(result.hiddenGradient, at: hidden, tolerance: tolerance, "hidden") {
            0.5 * losses($0, weight).reduce(0, +)
        }
        checkGradients(result.headGradient, at: weight, tolerance: tolerance, "head") {
            0.5 * losses(hidden, $0).reduce(0, +)
        }
    }

    /// With more logits than fit one block, the losses equal those of two separate calls, and the head's gradients are
    /// their sum.
    @Test func blocksOfLogitsAccumulate() {
        let (rows, width, vocabulary) = (180, 2, 100_000)
        let hidden = normals(rows * width, seed: 1)
        let targets = integers(rows, below: vocabulary, seed: 2)
        let whole = run(hidden, targets, width: width, outputs: vocabulary)
        let (first, second) = (
            run(Array(hidden[..<rows]), Array(targets[..<90]), width: width, outputs: vocabulary),
            run(Array(hidden[rows...]), Array(targets[90...]), width: width, outputs: vocabulary)
        )
        #expect(whole.losses == first.losses + second.losses)
        #expect(whole.hiddenGradient == first.hiddenGradient + second.hiddenGradient)
        expectClose(
            whole.headGradient, zip(first.headGradient, second.headGradient).map { Double($0) + Double($1) },
            absolute: 16 * Float.unitRoundoff)
    }
}
