import Kernels
import Layers
import Tensors
import TestSupport
import Testing

// B sequences, T positions, C width; rows = B · T.

/// Attention, feed-forward and the block they make, with and without biases and dropout.
@Suite struct SublayerTests {
    private static let (sequences, positions, width, heads, hidden) = (2, 5, 6, 2, 10)
    private static let rows = sequences * positions

    struct Variant: Sendable {
        var bias = true
        var form = ActivationForm.geluTanh
        var rate = 0.0
    }

    static let variants = [
        Variant(), Variant(bias: false), Variant(form: .geluExact), Variant(rate: 0.3),
        Variant(bias: false, form: .geluExact, rate: 0.5),
    ]

    private let samples: [UInt64] = [7, 1 << 33]

    private func reference(_ variant: Variant) -> ReferenceDecoder {
        let dropout = Reference.Dropout(rate: variant.rate, seed: 11, step: 12, samples: samples)
        return ReferenceDecoder(
            layers: 1, heads: SublayerTests.heads, width: SublayerTests.width, form: variant.form,
            dropout: variant.rate == 0 ? nil : dropout)
    }

    private func withDropout(_ variant: Variant, _ body: (Dropout?) -> Void) {
        samples.withUnsafeBufferPointer {
            body(Dropout(rate: variant.rate, seed: 11, step: 12, samples: $0.baseAddress!))
        }
    }

    @Test(arguments: variants)
    func attention(variant: Variant) {
        let (B, T, C, rows) = (
            SublayerTests.sequences, SublayerTests.positions, SublayerTests.width, SublayerTests.rows
        )
        var layout = ParameterLayout()
        layout.beginSection()
        let layer = SelfAttention<Float>(
            "attention", width: C, headCount: SublayerTests.heads, bias: variant.bias, initializer: .zeros,
            outputInitializer: .zeros, in: &layout)
        checkLayer(layout, inputCount: rows * C, outputCount: rows * C) { run in
            let activations = layer.takeActivations(sequences: B, positions: T, from: run.activations)
            withDropout(variant) { dropout in
                layer.forward(
                    run.input, weights: run.weights, into: run.output, activations, sequences: B, positions: T,
                    dropout: dropout, site: 9)
                // The gradient of the input takes the place of that of the output.
                run.inputGradient.update(from: run.outputGradient, count: rows * C)
                layer.backward(
                    run.input, outputGradient: run.inputGradient, weights: run.weights, gradients: run.gradients,
                    inputGradient: run.inputGradient, activations, sequences: B, positions: T, dropout: dropout,
                    site: 9, run.workspace)
            }
        } reference: { parameters, input in
            reference(variant).attention(parameters, "attention", input, rows: rows, positions: T, site: 9)
        }
    }

    @Test(arguments: variants)
    func feedForward(variant: Variant) {
        let (C, rows) = (SublayerTests.width, SublayerTests.rows)
        var layout = ParameterLayout()
        layout.beginSection()
        let layer = FeedForward<Float>(
            "feed_forward", width: C, hiddenWidth: SublayerTests.hidden, activation: variant.form, bias: variant.bias,
            initializer: .zeros, outputInitializer: .zeros, in: &layout)
        checkLayer(layout, inputCount: rows * C, outputCount: rows * C) { run in
            let activations = layer.takeActivations(rows: rows, from: run.activations)
            layer.forward(
                run.input, weights: run.weights, into: run.output, activations, rows: rows)
            run.inputGradient.update(from: run.outputGradient, count: rows * C)
            layer.backward(
                run.input, outputGradient: run.inputGradient, weights: run.weights, gradients: run.gradients,
                inputGradient: run.inputGradient, activations, rows: rows, run.workspace)
        } reference: { parameters, input in
            reference(variant).feedForward(parameters, "feed_forward", input, rows: rows)
        }
    }

    @Test(arguments: variants)
    func block(variant: Variant) {
        let (B, T, C, rows) = (
            SublayerTests.sequences, SublayerTests.positions, SublayerTests.width, SublayerTests.rows
        )
        var layout = ParameterLayout()
        layout.beginSection()
        let block = TransformerBlock<Float>(
            index: 3, width: C, headCount: SublayerTests.heads, hiddenWidth: SublayerTests.hidden,
            activation: variant.form, bias: variant.bias, initializer: .zeros, outputInitializer: .zeros, in: &layout)
        checkLayer(layout, inputCount: rows * C, outputCount: rows * C) { run in
            let activations = block.takeActivations(sequences: B, positions: T, from: run.activations)
            withDropout(variant) { dropout in
                block.forward(
                    run.input, weights: run.weights, activations, sequences: B, positions: T, dropout: dropout,
                    run.workspace)
                run.output.update(from: activations.output, count: rows * C)
                run.inputGradient.update(from: run.outputGradient, count: rows * C)
                block.backward(
                    run.input, streamGradient: run.inputGradient, weights: run.weights, gradients: run.gradients,
                    activations, sequences: B, positions: T, dropout: dropout, run.workspace)
            }
        } reference: { parameters, input in
            reference(variant).block(3, parameters, input, positions: T)
        }
    }
}
