import Texts

/// The parts of a model by which parameters are added up.
package enum ModelPart: String, CaseIterable, Sendable {
    case embeddings
    case attention
    case crossAttention = "cross-attention"
    case feedForward = "feed-forward"
    case normalization
    case head
    case other

    /// The part to which a parameter belongs, by its name in the layout.
    package init(ofParameter name: String) {
        // "encoder.blocks.0.attention.projection.weight" belongs to attention.
        var words = name.exactParts(at: ".")
        if words.first == "encoder" { words.removeFirst() }
        if words.first == "blocks" { words.removeFirst(min(2, words.count)) }
        let layer = words.first ?? ""
        if layer.containsExactly("normalization") {
            self = .normalization
        } else if layer.hasExactPrefix("cross_attention") {
            self = .crossAttention
        } else if layer.hasExactPrefix("attention") || layer.hasExactPrefix("relative") {
            self = .attention
        } else if layer.hasExactPrefix("feed_forward") {
            self = .feedForward
        } else if layer.containsExactly("embedding") || layer.containsExactly("token") {
            self = .embeddings
        } else if layer.hasExactPrefix("head") || layer.hasExactPrefix("pool") {
            self = .head
        } else {
            self = .other
        }
    }

    /// Adds up the sizes of parameters by part, in the order of the parts; parts without parameters are omitted.
    package static func sums(_ parameters: [(name: String, count: Int)]) -> [(part: ModelPart, count: Int)] {
        var sums: [ModelPart: Int] = [:]
        for parameter in parameters { sums[ModelPart(ofParameter: parameter.name), default: 0] += parameter.count }
        return allCases.compactMap { part in sums[part].map { (part, $0) } }
    }
}
