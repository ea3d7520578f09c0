import TestSupport
import Layers
import Models
import Tensors
import Testing

/// A small model for repeated evaluation, with random weights large enough for every part to affect the output.
struct SmallModel: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var configuration = ModelConfiguration()

    static let (vocabulary, context) = (23, 12)

    init(
        _ family: ModelConfiguration.Family, _ name: String = "",
        _ change: (inout ModelConfiguration) -> Void = { _ in }
    ) {
        testDescription = "\(family.rawValue) \(name)"
        configuration.family = family
        (configuration.layers, configuration.heads, configuration.width) = (2, 4, 24)
        configuration.feedForwardWidth = 20
        change(&configuration)
    }

    var model: Transformer<Float> {
        Transformer(
            configuration,
            ModelSizes(vocabularySize: SmallModel.vocabulary, contextLength: SmallModel.context))
    }

    func weights(_ model: Transformer<Float>, seed: UInt64 = 1, deviation: Double = 0.3) -> Arena<Float> {
        model.layout.randomArena(Float.self, seed: seed, deviation: deviation)
    }
}

extension Transformer<Float> {
    /// The logits at all positions of a text by the training forward pass; 0 where the model has no prediction.
    func logits(_ weights: Arena<Float>, source: [Int32], text: [Int32], gap: (place: Int, prefix: Int)?) -> [[Float]] {
        let context = LayerContext(weights: weights.base, Workspace())
        let activations = makeActivations(sequences: 1, positions: sizes.contextLength)
        let T = text.count
        let prefixLength = gap?.prefix ?? T
        let positionIDs = text.indices.map { Int32($0 < prefixLength ? $0 : gap!.place) }
        let spanPositionIDs = text.indices.map { Int32(max(0, $0 - prefixLength + 1)) }
        let (prefix, lengths) = ([Int32(gap?.prefix ?? 0)], [Int32(source.count)])
        let logits = UnsafeMutablePointer<Float>.allocate(capacity: T * head.outputWidth)
        defer { logits.deallocate() }
        text.withUnsafeBufferPointer { text in
            positionIDs.withUnsafeBufferPointer { positionIDs in
                spanPositionIDs.withUnsafeBufferPointer { spanPositionIDs in
                    prefix.withUnsafeBufferPointer { prefix in
                        source.withUnsafeBufferPointer { source in
                            lengths.withUnsafeBufferPointer { lengths in
                                var input = ModelInput(sequences: 1, positions: T)
                                input.tokens = TokenInput(
                                    tokens: text.baseAddress!, positionIDs: gap == nil ? nil : positionIDs.baseAddress!,
                                    spanPositionIDs: gap == nil ? nil : spanPositionIDs.baseAddress!)
                                if gap != nil { input.prefixLengths = prefix.baseAddress! }
                                if !source.isEmpty {
                                    input.source = .init(
                                        tokens: source.baseAddress!, positions: source.count,
                                        lengths: lengths.baseAddress!)
                                }
                                forward(input, activations, context)
                            }
                        }
                    }
                }
            }
        }
        let hidden = head.transformed(activations.output, rows: T, context)
        head.output.forward(hidden, into: logits, rows: T, context)
        return (0..<T).map { t in (0..<head.outputWidth).map { logits[t * head.outputWidth + $0] } }
    }
}
