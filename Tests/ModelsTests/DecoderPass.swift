import Kernels
import Layers
import Models
import Objectives
import Tensors
import TestSupport

/// Tokens and their targets, [B, T].
struct TokenRows {
    let tokens: [Int]
    let targets: [Int]
    let positions: Int

    /// Random ones; the first and the last target do not count.
    init(sequences: Int, positions: Int, vocabulary: Int, seed: UInt64) {
        let count = sequences * positions
        var targets = integers(count, below: vocabulary, seed: seed + 1)
        targets[0] = Int(ignoredTarget)
        targets[count - 1] = Int(ignoredTarget)
        self.init(
            tokens: integers(count, below: vocabulary, seed: seed), targets: targets, positions: positions)
    }

    init(tokens: [Int], targets: [Int], positions: Int) {
        self.tokens = tokens
        self.targets = targets
        self.positions = positions
    }

    var sequences: Int { tokens.count / positions }
    /// The targets that count.
    var targetCount: Int { targets.count { $0 != Int(ignoredTarget) } }
}

extension Decoder {
    /// The logits [B, T, V] of a forward pass.
    func logits(_ weights: Arena<Element>, _ rows: TokenRows, dropout: Dropout? = nil) -> [Float] {
        let count = rows.tokens.count
        let (activations, workspace) = (
            makeActivations(sequences: rows.sequences, positions: rows.positions), Workspace()
        )
        var logits = [Float](repeating: .nan, count: count * vocabularySize)
        forward(
            rows.tokens.map(Int32.init), weights: weights.base, activations, sequences: rows.sequences,
            positions: rows.positions, dropout: dropout, workspace)
        head.forward(activations.hidden, weights: weights.base, into: &logits, rows: count)
        withExtendedLifetime((weights, activations)) {}
        return logits
    }

    /// One forward and backward pass: the losses of all rows; `gradients` become those of `gradientScale` · Σ losses.
    ///
    /// - Parameter sectionIsFinal: As `backward` calls it.
    func pass(
        _ weights: Arena<Element>, _ rows: TokenRows, into gradients: Arena<Element>, gradientScale: Double = 1,
        dropout: Dropout? = nil, sectionIsFinal: (Int) -> Void = { _ in }
    ) -> [Float] {
        let (count, sequences, positions) = (rows.tokens.count, rows.sequences, rows.positions)
        let (activations, workspace) = (makeActivations(sequences: sequences, positions: positions), Workspace())
        let tokens = rows.tokens.map(Int32.init)
        var losses = [Float](repeating: .nan, count: count)
        var hiddenGradient = [Float](repeating: .nan, count: count * head.inputWidth)
        forward(
            tokens, weights: weights.base, activations, sequences: sequences, positions: positions, dropout: dropout,
            workspace)
        CausalLanguageModelling().backward(
            hidden: activations.hidden, head: head, weights: weights.base, gradients: gradients.base,
            targets: rows.targets.map(Int32.init), gradientScale: Float(gradientScale), losses: &losses,
            hiddenGradient: &hiddenGradient, rows: count, workspace)
        backward(
            tokens, hiddenGradient: hiddenGradient, weights: weights.base, gradients: gradients.base, activations,
            sequences: sequences, positions: positions, dropout: dropout, workspace, sectionIsFinal: sectionIsFinal)
        withExtendedLifetime((weights, gradients, activations)) {}
        return losses
    }
}

/// A decoder small enough for finite differences of every parameter.
struct DecoderVariant: Sendable {
    var tied = true
    var bias = true
    var activation = ModelConfiguration.Activation.gelu
    var rate = 0.0

    static let all = [
        DecoderVariant(), DecoderVariant(tied: false), DecoderVariant(bias: false),
        DecoderVariant(tied: false, bias: false, activation: .geluExact), DecoderVariant(rate: 0.25),
        DecoderVariant(tied: false, bias: false, activation: .geluExact, rate: 0.5),
    ]

    static let samples: [UInt64] = [5, 1 << 32 + 9]
    static let vocabulary = 11
    static let context = 6

    var configuration: ModelConfiguration {
        var configuration = ModelConfiguration()
        (configuration.layers, configuration.heads, configuration.width) = (2, 2, 8)
        (configuration.tieEmbeddings, configuration.bias, configuration.activation) = (tied, bias, activation)
        configuration.dropout = rate
        return configuration
    }

    func decoder<Element: Storage>(_: Element.Type) -> Decoder<Element> {
        Decoder(configuration, vocabularySize: DecoderVariant.vocabulary, contextLength: DecoderVariant.context)
    }

    var reference: ReferenceDecoder {
        ReferenceDecoder(
            layers: configuration.layers, heads: configuration.heads, width: configuration.width,
            form: activation == .gelu ? .geluTanh : .geluExact,
            dropout: rate == 0
                ? nil : Reference.Dropout(rate: rate, seed: 21, step: 22, samples: DecoderVariant.samples))
    }

    /// Calls `body` with the dropout that `reference` has.
    func withDropout<Result>(_ body: (Dropout?) -> Result) -> Result {
        DecoderVariant.samples.withUnsafeBufferPointer {
            body(Dropout(rate: rate, seed: 21, step: 22, samples: $0.baseAddress!))
        }
    }
}
