import Kernels
import TestSupport
import Testing

/// Elementwise and row operations against PyTorch and transformers.
@Suite struct GoldenRowOperationTests {
    private let file: GoldenFile
    /// Golden values are Float64 results rounded to Float32; a kernel adds a few roundings.
    private let tolerance = 16 * Float.unitRoundoff

    init() throws { file = try GoldenFile("row_operations") }

    private func expect(
        _ actual: UnsafeMutablePointer<Float>, _ name: String, absolute: Double? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let expected = try file.numbers(name)
        expectClose(
            array(actual, expected.count), expected, absolute: absolute ?? tolerance, relative: tolerance,
            "golden \(name)", sourceLocation: sourceLocation)
    }

    @Test(arguments: [(ActivationForm.relu, "relu"), (.silu, "silu"), (.tanh, "tanh")])
    func activation(form: ActivationForm, name: String) throws {
        let input = try file.numbers("\(name)/input")
        try withTestMemory { memory in
            let x = memory.numbers(input, Float.self)
            let gradient = memory.numbers(try file.numbers("\(name)/output_gradient"), Float.self)
            let output = memory.output(input.count, Float.self)
            activate(x, into: output, count: input.count, form: form)
            activationBackward(x, outputGradient: gradient, into: gradient, count: input.count, form: form)
            try expect(output, "\(name)/output")
            try expect(gradient, "\(name)/input_gradient", absolute: 40 * Float.unitRoundoff)
        }
    }

    @Test func swiGLU() throws {
        let (rows, width) = (5, 19)
        try withTestMemory { memory in
            let x = memory.numbers(try file.numbers("swiglu/input"), Float.self)
            let dy = memory.numbers(try file.numbers("swiglu/output_gradient"), Float.self)
            let (y, dx) = (memory.output(rows * width, Float.self), memory.output(rows * 2 * width, Float.self))
            gatedActivation(x, into: y, rows: rows, width: width, form: .silu)
            gatedActivationBackward(x, outputGradient: dy, into: dx, rows: rows, width: width, form: .silu)
            try expect(y, "swiglu/output")
            try expect(dx, "swiglu/input_gradient", absolute: 40 * Float.unitRoundoff)
        }
    }

    @Test func rmsNormalization() throws {
        let (rows, columns) = (5, 19)
        try withTestMemory { memory in
            func tensor(_ name: String) throws -> UnsafeMutablePointer<Float> {
                memory.numbers(try file.numbers("rms_norm/\(name)"), Float.self)
            }
            let (x, scale) = (try tensor("input"), try tensor("scale"))
            let (y, reciprocals) = (memory.output(rows * columns, Float.self), memory.output(rows, Float.self))
            Kernels.rmsNormalization(
                x, scale: scale, epsilon: 1e-6, into: y, reciprocals: reciprocals, rows: rows, columns: columns)
            try expect(y, "rms_norm/output")
            let dx = memory.numbers([Double](repeating: 0, count: rows * columns), Float.self)
            let dScale = memory.output(columns, Float.self)
            rmsNormalizationBackward(
                x, scale: scale, reciprocals: reciprocals, outputGradient: try tensor("output_gradient"),
                accumulatingInto: dx, scaleGradient: dScale, sums: memory.output(columns, Float.self), rows: rows,
                columns: columns)
            try expect(dx, "rms_norm/input_gradient")
            try expect(dScale, "rms_norm/scale_gradient")
        }
    }

    @Test func rotary() throws {
        let (sequences, positions, heads, headWidth) = (2, 7, 3, 10)
        let table = RotaryTable(positions: 11, headWidth: headWidth, base: 500)
        try withTestMemory { memory in
            let rows = memory.numbers(try file.numbers("rotary/input"), Float.self)
            let gradient = memory.numbers(try file.numbers("rotary/output_gradient"), Float.self)
            for (numbers, inverse) in [(rows, false), (gradient, true)] {
                table.rotate(
                    numbers, stride: heads * headWidth, firstColumn: 0, headCount: heads, firstPosition: 4,
                    inverse: inverse, sequences: sequences, positions: positions)
            }
            try expect(rows, "rotary/output")
            try expect(gradient, "rotary/input_gradient")
        }
    }

    @Test func smoothedCrossEntropy() throws {
        let targets = try file.integers("smoothed_cross_entropy/targets")
        try withTestMemory { memory in
            let x = memory.numbers(try file.numbers("smoothed_cross_entropy/logits"), Float.self)
            let losses = memory.output(targets.count, Float.self)
            crossEntropyWithGradient(
                x, targets: memory.integers(targets), labelSmoothing: 0.1, gradientScale: 1, losses: losses,
                rows: targets.count, vocabulary: 23)
            try expectSum(losses, targets.count, "smoothed_cross_entropy/loss")
            try expect(x, "smoothed_cross_entropy/logits_gradient")
        }
    }

    @Test func binaryCrossEntropy() throws {
        let targets = try file.integers("binary_cross_entropy/targets")
        try withTestMemory { memory in
            let x = memory.numbers(try file.numbers("binary_cross_entropy/logits"), Float.self)
            let losses = memory.output(7, Float.self)
            binaryCrossEntropyWithGradient(
                x, targets: memory.numbers(targets.map(Double.init), Float.self), gradientScale: 1, losses: losses,
                rows: 7, labels: 23)
            try expectSum(losses, 7, "binary_cross_entropy/loss")
            try expect(x, "binary_cross_entropy/logits_gradient")
        }
    }

    @Test func squaredError() throws {
        let targets = try file.integers("squared_error/targets")
        try withTestMemory { memory in
            let y = memory.numbers(try file.numbers("squared_error/outputs"), Float.self)
            let losses = memory.output(7, Float.self)
            squaredErrorWithGradient(
                y, targets: memory.numbers(targets.map(Double.init), Float.self), gradientScale: 1, losses: losses,
                rows: 7, outputs: 3)
            try expectSum(losses, 7, "squared_error/loss")
            try expect(y, "squared_error/outputs_gradient")
        }
    }

    @Test func marianPositions() throws {
        let table = SinusoidalTable<Float>(positions: 9, width: 14, order: .halves)
        expectClose(
            array(table.base, 9 * 14), try file.numbers("marian_positions/table"), absolute: Float.unitRoundoff)
    }

    private func expectSum(_ losses: UnsafeMutablePointer<Float>, _ count: Int, _ name: String) throws {
        let loss = array(losses, count).reduce(0) { $0 + Double($1) }
        expectClose(loss, try file.numbers(name)[0], relative: tolerance, "golden \(name)")
    }
}
