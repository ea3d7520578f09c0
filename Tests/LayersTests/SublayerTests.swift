import Kernels
import Layers
import Tensors
import TestSupport
import Testing

// B sequences, T positions, S positions of the memory, C hidden size, K KV heads; rows = B · T.

/// Self-attention, cross-attention, feed-forward and complete blocks, in all configurations.
@Suite struct SublayerTests {
    private static let (B, T, S, C, H, F) = (2, 5, 3, 8, 4, 10)
    private static let rows = B * T

    struct Variant: Sendable {
        var bias = true
        var form = ActivationForm.geluTanh
        var isGated = false
        var placement = NormalizationPlacement.pre
        var kind = NormalizationKind.layer
        var keyHeads = 4
        var headWidth = 2
        /// The number of columns of a head that are rotated.
        var rotatedWidth = 2
        var normalizesHeads = false
        var isParallel = false
        /// nil: as `bias`.
        var attentionBias: AttentionBias?
        var positions = ReferenceTransformer.Positions.none
        var isCausal = true
        var rate = 0.0
    }

    static let variants = [
        Variant(), Variant(bias: false), Variant(form: .geluExact, placement: .post), Variant(rate: 0.3),
        Variant(form: .silu, isGated: true, kind: .rootMeanSquare, keyHeads: 2, positions: .rotary, isCausal: false),
        Variant(form: .relu, placement: .post, keyHeads: 1, positions: .distance, rate: 0.5),
        Variant(
            bias: false, form: .silu, isGated: true, placement: .sandwich, positions: .distance, isCausal: false,
            rate: 0.5),
        Variant(form: .silu, placement: .sandwich, kind: .rootMeanSquare, keyHeads: 2, positions: .rotary),
        Variant(
            form: .geluTanh, isGated: true, kind: .offsetRootMeanSquare, keyHeads: 1, headWidth: 6, rotatedWidth: 4,
            positions: .rotary, rate: 0.2),
        Variant(keyHeads: 2, headWidth: 3, normalizesHeads: true, isParallel: true, rate: 0.4),
        Variant(
            bias: false, placement: .sandwich, kind: .rootMeanSquare, keyHeads: 2, normalizesHeads: true,
            isParallel: true, attentionBias: AttentionBias(inputs: true, output: false), positions: .rotary),
    ]

    private let samples: [UInt64] = [7, 1 << 33]
    private let lengths = [4, 5]
    private let memoryLengths = [3, 1]

    private func shape(_ variant: Variant, seesMemory: Bool = false) -> BlockShape {
        let (H, C) = (SublayerTests.H, SublayerTests.C)
        let style = NormalizationStyle(kind: variant.kind, epsilon: 0.01, hasShift: variant.bias)
        return BlockShape(
            attention: AttentionShape(
                width: C, headCount: H, keyHeadCount: variant.keyHeads,
                headWidth: variant.headWidth, penalizesDistance: variant.positions == .distance,
                rotary: variant.positions == .rotary ? angles(variant) : nil,
                normalization: variant.normalizesHeads ? style : nil,
                bias: variant.attentionBias ?? AttentionBias(inputs: variant.bias, output: variant.bias)),
            hiddenWidth: SublayerTests.F,
            activation: variant.isGated ? .gated(variant.form) : .elementwise(variant.form),
            placement: variant.placement, normalization: style, feedForwardBias: variant.bias,
            initializers: BranchInitializers(
                inner: WeightInitialization(.xavier), outer: WeightInitialization(.xavier)),
            seesMemory: seesMemory, isParallel: variant.isParallel)
    }

    private func angles(_ variant: Variant) -> RotaryAngles {
        RotaryAngles(
            positions: SublayerTests.T, headWidth: variant.headWidth, rotatedWidth: variant.rotatedWidth, base: 100)
    }

    private func reference(_ variant: Variant) -> ReferenceTransformer {
        var reference = ReferenceTransformer()
        (reference.width, reference.heads, reference.keyHeads) = (SublayerTests.C, SublayerTests.H, variant.keyHeads)
        (reference.isRootMeanSquare, reference.epsilon) = (variant.kind != .layer, 0.01)
        (reference.headDimension, reference.isParallel) = (variant.headWidth, variant.isParallel)
        reference.scaleOffset = variant.kind == .offsetRootMeanSquare ? 1 : 0
        (reference.positions, reference.rotaryFrequencies) = (variant.positions, angles(variant).frequencies(length: 1))
        (reference.activation, reference.isGated) = (variant.form, variant.isGated)
        reference.placement =
            switch variant.placement {
            case .pre: .pre
            case .post: .post
            case .sandwich: .sandwich
            }
        reference.dropouts = ReferenceDropouts(
            embedding: 0, attention: variant.rate, residual: variant.rate / 2, seed: 11, step: 12, samples: samples)
        return reference
    }

    private func referencePass(_ variant: Variant, memory: [Double]? = nil) -> ReferenceTransformer.Pass {
        ReferenceTransformer.Pass(
            sequences: SublayerTests.B, positions: SublayerTests.T,
            mask: Reference.Mask(isCausal: variant.isCausal, lengths: lengths),
            memory: memory.map {
                ReferenceTransformer.Memory(
                    rows: $0, positions: SublayerTests.S,
                    mask: Reference.Mask(isCausal: false, lengths: memoryLengths))
            })
    }

    /// Calls `body` with the pass that corresponds to `referencePass`, and the mask of its memory.
    private func withPass(_ variant: Variant, _ run: LayerRun, _ body: (Pass<Float>, AttentionMask) -> Void) {
        let rates = DropoutRates(embedding: 0, attention: variant.rate, residual: variant.rate / 2)
        withTestMemory { memory in
            samples.withUnsafeBufferPointer { samples in
                let mask = AttentionMask(isCausal: variant.isCausal, lengths: memory.integers(lengths))
                body(
                    Pass(
                        sequences: SublayerTests.B, positions: SublayerTests.T, mask: mask,
                        run.context(Dropouts(rates, seed: 11, step: 12, samples: samples.baseAddress!))),
                    AttentionMask(isCausal: false, lengths: memory.integers(memoryLengths)))
            }
        }
    }

    @Test(arguments: variants)
    func attentionEqualsTheReference(variant: Variant) {
        let (B, T, count) = (SublayerTests.B, SublayerTests.T, SublayerTests.rows * SublayerTests.C)
        let shape = shape(variant)
        var layout = ParameterLayout()
        layout.beginSection()
        let layer = SelfAttention<Float>(
            "attention", shape.attention, shape.initializers,
            rotary: shape.attention.rotary.map { RotaryTable($0) }, site: 9, in: &layout)
        checkLayer(layout, inputCount: count, outputCount: count) { run in
            let activations = layer.takeActivations(sequences: B, positions: T, from: run.activations)
            withPass(variant, run) { pass, _ in
                layer.forward(run.input, into: run.output, activations, pass)
                // The input's gradient overwrites the output's.
                run.inputGradient.update(from: run.outputGradient, count: count)
                layer.backward(
                    run.input, outputGradient: run.inputGradient, inputGradient: run.inputGradient, activations, pass)
            }
        } reference: { parameters, input in
            var site = 9
            return reference(variant).attention(parameters, "attention", input, referencePass(variant), site: &site)
        }
    }

    /// The first rows of the input are the decoder's, the others are the memory's.
    @Test(arguments: variants)
    func crossAttentionEqualsTheReference(variant: Variant) {
        let (B, T, S, C) = (SublayerTests.B, SublayerTests.T, SublayerTests.S, SublayerTests.C)
        let (count, shape) = (B * T * C, shape(variant))
        var layout = ParameterLayout()
        layout.beginSection()
        let layer = CrossAttention<Float>(
            "cross", shape.attention, shape.initializers, site: 4, in: &layout)
        checkLayer(layout, inputCount: count + B * S * C, outputCount: count) { run in
            let activations = layer.takeActivations(
                sequences: B, positions: T, memoryPositions: S, from: run.activations)
            withPass(variant, run) { pass, mask in
                let memory = CrossMemory(
                    rows: UnsafePointer(run.input + count), positions: S, mask: mask,
                    gradient: run.inputGradient + count)
                layer.forward(run.input, memory, into: run.output, activations, pass)
                run.inputGradient.update(from: run.outputGradient, count: count)
                layer.backward(
                    run.input, memory, outputGradient: run.inputGradient, inputGradient: run.inputGradient, activations,
                    pass)
            }
        } reference: { parameters, input in
            var site = 4
            return reference(variant).crossAttention(
                parameters, "cross", Array(input[..<count]), referencePass(variant, memory: Array(input[count...])),
                site: &site)
        }
    }

    @Test(arguments: variants)
    func feedForwardEqualsTheReference(variant: Variant) {
        let (rows, count, shape) = (SublayerTests.rows, SublayerTests.rows * SublayerTests.C, shape(variant))
        var layout = ParameterLayout()
        layout.beginSection()
        let layer = FeedForward<Float>(
            "feed_forward", width: SublayerTests.C, hiddenWidth: SublayerTests.F, shape.activation,
            bias: variant.bias, shape.initializers, in: &layout)
        checkLayer(layout, inputCount: count, outputCount: count) { run in
            let activations = layer.takeActivations(rows: rows, from: run.activations)
            layer.forward(run.input, into: run.output, activations, rows: rows, run.context())
            run.inputGradient.update(from: run.outputGradient, count: count)
            layer.backward(
                run.input, outputGradient: run.inputGradient, inputGradient: run.inputGradient, activations, rows: rows,
                run.context())
        } reference: { parameters, input in
            reference(variant).feedForward(parameters, "feed_forward", input)
        }
    }

    @Test(arguments: variants, [false, true])
    func blockEqualsTheReference(variant: Variant, seesMemory: Bool) {
        let (B, T, S, C) = (SublayerTests.B, SublayerTests.T, SublayerTests.S, SublayerTests.C)
        let (count, memoryCount) = (B * T * C, seesMemory ? B * S * C : 0)
        var layout = ParameterLayout()
        layout.beginSection()
        let shape = shape(variant, seesMemory: seesMemory)
        let block = TransformerBlock<Float>(
            "block", shape, rotary: shape.attention.rotary.map { RotaryTable($0) }, firstSite: 6, in: &layout)
        checkLayer(layout, inputCount: count + memoryCount, outputCount: count) { run in
            let activations = block.takeActivations(
                sequences: B, positions: T, memoryPositions: seesMemory ? S : 0, from: run.activations)
            withPass(variant, run) { pass, mask in
                let memory =
                    seesMemory
                    ? CrossMemory(
                        rows: UnsafePointer(run.input + count), positions: S, mask: mask,
                        gradient: run.inputGradient + count) : nil
                block.forward(run.input, memory: memory, activations, pass, feedForwardIsNeeded: {})
                run.output.update(from: activations.output, count: count)
                run.inputGradient.update(from: run.outputGradient, count: count)
                block.backward(
                    run.input, memory: memory, streamGradient: run.inputGradient, activations, pass,
                    feedForwardIsFinal: {})
            }
        } reference: { parameters, input in
            var site = 6
            return reference(variant).block(
                parameters, "block", Array(input[..<count]),
                referencePass(variant, memory: seesMemory ? Array(input[count...]) : nil), site: &site)
        }
    }
}
