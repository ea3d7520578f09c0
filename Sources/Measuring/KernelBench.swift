import Failures
import Files
import Kernels
import Numbers
import Reporting
import Tensors

/// Benchmark of the kernels other than matrix products, with the shapes of a model's training step, on one rank's
/// threads.
package struct KernelBench {
    private let subject: BenchSubject

    /// Creates a benchmark for the model that `subject` describes.
    package init(_ subject: BenchSubject) { self.subject = subject }

    /// Measures each kernel `repetitions` times.
    package func run(repetitions: Int) -> Measurement {
        let (configuration, model) = (subject.configuration, subject.configuration.model)
        let (B, T) = (configuration.batch.sequencesPerSlot, configuration.data.contextLength)
        let (R, C, F, V) = (B * T, model.width, model.hiddenWidth, subject.outputWidth)
        let widest = max(R * max(F, 3 * C), min(R, 4096) * V)
        func numbers(_ count: Int) -> UnsafeMutablePointer<Float> {
            let arena = Arena<Float>(count: count)
            arenas.append(arena)
            UnsafeMutableBufferPointer(start: arena.base, count: count).update(repeating: 0.01)
            return arena.base
        }
        var arenas: [Arena<Float>] = []
        let (x, y, z) = (numbers(widest), numbers(widest), numbers(widest))
        let (first, second) = (numbers(widest), numbers(widest))
        let (row, sums) = (numbers(2 * max(F, R)), numbers(2 * max(F, R)))
        let half = Arena<Float16>(count: widest)
        let integers = UnsafeMutablePointer<Int32>.allocate(capacity: 3 * R)
        defer { integers.deallocate() }
        let (tokens, places, classes) = (integers, integers + R, integers + 2 * R)
        for index in 0..<R {
            tokens[index] = Int32(index % V)
            places[index] = Int32(R - 1 - index)
        }
        // The heads share the columns of the width, also if the model's are wider.
        let headWidth = max(1, C / model.heads)
        let attention = Attention(headCount: model.heads, headWidth: headWidth)
        let causal = AttentionMask(isCausal: true)
        func heads(_ numbers: UnsafeMutablePointer<Float>) -> AttentionRows<Float> {
            AttentionRows(sideBySide: numbers, queryWidth: C, keyWidth: C)
        }
        let mask = DropoutMask(RandomStream(seed: 1, purpose: .dropout), rate: 0.1)
        let step = AdamWStep(
            step: 1, learningRate: 1e-3, betas: (0.9, 0.95), epsilon: 1e-8, weightDecay: 0.1, gradientScale: 1,
            gradientLimit: .infinity)
        let logitRows = min(R, 4096)
        let rotary = RotaryTable(positions: T, headWidth: headWidth / 2 * 2)

        let kernels: [(name: String, elements: Int, body: () -> Void)] = [
            ("bias gradient", R * F, { biasGradient(x, into: row, rows: R, columns: F) }),
            ("gelu", R * F, { activate(x, into: y, count: R * F, form: .geluTanh) }),
            (
                "gelu backward", R * F,
                { activationBackward(x, outputGradient: y, into: y, count: R * F, form: .geluTanh) }
            ),
            ("gelu exact", R * F, { activate(x, into: y, count: R * F, form: .geluExact) }),
            (
                "layer normalization", R * C,
                {
                    layerNormalization(
                        x, scale: row, shift: row, into: y, means: sums, reciprocals: sums + R, rows: R, columns: C)
                }
            ),
            (
                "layer normalization backward", R * C,
                {
                    layerNormalizationBackward(
                        x, scale: row, means: sums, reciprocals: sums + R, outputGradient: y, accumulatingInto: z,
                        scaleGradient: row, shiftGradient: row, sums: first, rows: R, columns: C)
                }
            ),
            ("residual", R * C, { residual(x, y, into: z, count: R * C) }),
            ("dropout", R * C, { mask.apply(x, count: R * C) }),
            (
                "attention", R * C,
                {
                    attention.forward(
                        heads(x), into: y, logSums: second, sequences: B, queries: T, keys: T, mask: causal)
                }
            ),
            (
                "attention backward", R * C,
                {
                    attention.backward(
                        heads(x), output: y, logSums: second, outputGradient: z, into: heads(first), sequences: B,
                        queries: T, keys: T, mask: causal)
                }
            ),
            (
                "embedding", R * C,
                {
                    embedding(
                        tokens, tokenTable: first, positionTable: second, into: y, sequences: B, positions: T,
                        vocabulary: V, table: T, width: C)
                }
            ),
            (
                "cross-entropy with gradient", logitRows * V,
                {
                    crossEntropyWithGradient(
                        x, targets: tokens, gradientScale: 1, losses: sums, rows: logitRows, vocabulary: V)
                }
            ),
            ("relu", R * F, { activate(x, into: y, count: R * F, form: .relu) }),
            ("silu", R * F, { activate(x, into: y, count: R * F, form: .silu) }),
            ("tanh", R * F, { activate(x, into: y, count: R * F, form: .tanh) }),
            ("swiglu", R / 2 * F, { gatedActivation(x, into: y, rows: R / 2, width: F, form: .silu) }),
            (
                "swiglu backward", R / 2 * F,
                { gatedActivationBackward(x, outputGradient: y, into: z, rows: R / 2, width: F, form: .silu) }
            ),
            (
                "rms normalization", R * C,
                { rmsNormalization(x, scale: row, into: y, reciprocals: sums, rows: R, columns: C) }
            ),
            (
                "rms normalization backward", R * C,
                {
                    rmsNormalizationBackward(
                        x, scale: row, reciprocals: sums, outputGradient: y, accumulatingInto: z, scaleGradient: row,
                        sums: first, rows: R, columns: C)
                }
            ),
            (
                "rotary", R * C,
                {
                    rotary.rotate(
                        x, stride: 3 * C, firstColumn: 0, headCount: model.heads, sequences: B, positions: T)
                }
            ),
            ("gather rows", R * C, { gatherRows(x, places: places, into: y, count: R, columns: C) }),
            ("scatter rows", R * C, { scatterRows(x, places: places, into: y, count: R / 2, rows: R, columns: C) }),
            (
                "cross-entropy with label smoothing", logitRows * V,
                {
                    crossEntropyWithGradient(
                        x, targets: tokens, labelSmoothing: 0.1, gradientScale: 1, losses: sums, rows: logitRows,
                        vocabulary: V)
                }
            ),
            (
                "predicted class", logitRows * V,
                { predictedClass(x, into: classes, rows: logitRows, vocabulary: V) }
            ),
            ("softmax", logitRows * V, { softmax(x, rows: logitRows, columns: V) }),
            ("log-softmax", logitRows * V, { logSoftmax(x, rows: logitRows, columns: V) }),
            (
                "binary cross-entropy", logitRows * V,
                {
                    binaryCrossEntropyWithGradient(
                        x, targets: first, gradientScale: 1, losses: sums, rows: logitRows, labels: V)
                }
            ),
            (
                "squared error", logitRows * V,
                {
                    squaredErrorWithGradient(
                        x, targets: first, gradientScale: 0.25, losses: sums, rows: logitRows, outputs: V)
                }
            ),
            ("sum of squares", widest, { _ = sumOfSquares(x, count: widest) }),
            ("scale", widest, { scale(x, by: 1, count: widest) }),
            (
                "adamw", widest,
                {
                    parallelElements(widest) { range in
                        let start = range.lowerBound
                        adamW(
                            UpdateMemory(
                                weights: x + start, states: [first, second], stateStart: start, gradients: y + start,
                                count: range.count), step)
                    }
                }
            ),
            ("float32 to float16", widest, { convert(UnsafePointer(x), into: half.base, count: widest) }),
            ("float16 to float32", widest, { convert(UnsafePointer(half.base), into: x, count: widest) }),
        ]
        var (table, results) = ([["kernel", "elements", "ns/element"]], [JSON]())
        for kernel in kernels {
            let nanoseconds = 1e9 * medianSeconds(repetitions, kernel.body) / Double(kernel.elements)
            table.append([kernel.name, grouped(kernel.elements), fixed(nanoseconds, 3)])
            results.append([
                "name": .string(kernel.name), "elements": .integer(kernel.elements),
                "nanoseconds_per_element": .number(nanoseconds),
            ])
        }
        return withExtendedLifetime(arenas) { Measurement(table: table, json: ["kernels": .array(results)]) }
    }
}
