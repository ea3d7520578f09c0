/// One entry of a class's mapping table: the correspondence of a foreign tensor and a dtrain parameter, in both
/// directions.
enum TensorLink: Sendable {
    /// A parameter that is stored in one foreign tensor or in several whose rows are concatenated.
    case weight(Weight)
    /// A tensor of zeros that has no corresponding parameter.
    case zeros(_ theirs: String, _ shape: [Int])
    /// A tensor whose first row is added to every row of `ours` when read; it is written as zeros.
    case added(_ theirs: String, _ shape: [Int], to: String)
    /// An alias for another tensor (`of`), with equal values; files may contain it or not.
    case duplicate(_ theirs: String, of: String)
    /// An alias for another tensor (`of`): exports write it, imports ignore it.
    case unread(_ theirs: String, of: String)

    /// A parameter and the foreign tensors that contain it.
    struct Weight: Sendable {
        let ours: String
        let theirs: [Part]
        /// Whether the foreign matrix is [inputs, outputs].
        var isTransposed = false
        /// If the foreign rows are grouped by head, [heads, parts, D], rather than by part, [parts, heads, D]: heads
        /// and parts.
        var interleaving: (heads: Int, parts: Int)?
        /// The number of rows before the first that the parameter has; they are not read, and written as zeros.
        var skippedRows = 0
        /// The shape of the foreign tensor if it differs; the elements and their order are the same.
        var theirShape: [Int]?
    }

    /// Some rows of a parameter.
    struct Part: Sendable {
        let name: String
        /// The number of rows; nil: all.
        var rows: Int?
    }
}

extension TensorLink {
    /// A parameter with one corresponding tensor.
    static func same(_ ours: String, _ theirs: String, shape: [Int]? = nil) -> TensorLink {
        .weight(Weight(ours: ours, theirs: [Part(name: theirs)], theirShape: shape))
    }

    /// The weight and bias of a linear layer.
    static func linear(_ ours: String, _ theirs: String, bias: Bool = true) -> [TensorLink] {
        [same("\(ours).weight", "\(theirs).weight")] + (bias ? [same("\(ours).bias", "\(theirs).bias")] : [])
    }

    /// A linear layer to queries, keys and values, which the foreign rows hold head by head.
    static func interleaved(_ ours: String, _ theirs: String, heads: Int, bias: Bool) -> [TensorLink] {
        (bias ? ["weight", "bias"] : ["weight"]).map { kind in
            .weight(
                Weight(
                    ours: "\(ours).\(kind)", theirs: [Part(name: "\(theirs).\(kind)")], interleaving: (heads, 3)))
        }
    }

    /// A table without the first rows of the foreign one.
    static func skipping(_ rows: Int, _ ours: String, _ theirs: String) -> TensorLink {
        .weight(Weight(ours: ours, theirs: [Part(name: theirs)], skippedRows: rows))
    }

    /// The bias of the output projection, [1, V], which is zero if the model has none.
    static func finalBias(_ name: String, _ model: PortableModel) -> TensorLink {
        model.configuration.headBias
            ? same("head.bias", name, shape: [1, model.vocabularySize]) : .zeros(name, [1, model.vocabularySize])
    }

    /// The weight and bias of a linear layer whose foreign weight is [inputs, outputs].
    static func transposed(_ ours: String, _ theirs: String) -> [TensorLink] {
        [
            .weight(
                Weight(ours: "\(ours).weight", theirs: [Part(name: "\(theirs).weight")], isTransposed: true)),
            same("\(ours).bias", "\(theirs).bias"),
        ]
    }

    /// A linear layer that corresponds to several foreign ones; `rows` is the number of outputs of each.
    static func stacked(
        _ ours: String, _ theirs: [(name: String, rows: Int)], bias: Bool = true
    ) -> [TensorLink] {
        (bias ? ["weight", "bias"] : ["weight"]).map { kind in
            .weight(
                Weight(
                    ours: "\(ours).\(kind)", theirs: theirs.map { Part(name: "\($0.name).\(kind)", rows: $0.rows) }))
        }
    }

    /// The scale and shift of a normalization.
    static func normalization(_ ours: String, _ theirs: String, shift: Bool = true) -> [TensorLink] {
        [same("\(ours).scale", "\(theirs).weight")] + (shift ? [same("\(ours).shift", "\(theirs).bias")] : [])
    }
}
