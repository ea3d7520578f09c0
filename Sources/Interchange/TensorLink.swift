/// A line of a class's table: where a tensor of theirs stands here. The same line leads both ways.
enum TensorLink: Sendable {
    /// A parameter of ours, in one tensor of theirs or in several whose rows follow each other.
    case weight(Weight)
    /// A tensor of zeros that ours has no need for.
    case zeros(_ theirs: String, _ shape: [Int])
    /// A tensor whose first row is added to every row of `ours`; it is written as zeros.
    case added(_ theirs: String, _ shape: [Int], to: String)
    /// Another name that files may have for the tensor `of`, with equal numbers.
    case duplicate(_ theirs: String, of: String)
    /// Another name that files have for the tensor `of`, which nothing reads.
    case unread(_ theirs: String, of: String)

    /// A parameter and what holds it.
    struct Weight: Sendable {
        let ours: String
        let theirs: [Part]
        /// Whether theirs is [inputs, outputs].
        var isTransposed = false
        /// The shape of theirs, where it is another for the same numbers in the same order.
        var theirShape: [Int]?
    }

    /// Some rows of a parameter.
    struct Part: Sendable {
        let name: String
        /// How many; nil: all.
        var rows: Int?
    }
}

extension TensorLink {
    /// The same tensor.
    static func same(_ ours: String, _ theirs: String, shape: [Int]? = nil) -> TensorLink {
        .weight(Weight(ours: ours, theirs: [Part(name: theirs)], theirShape: shape))
    }

    /// Weight and bias of a linear map.
    static func linear(_ ours: String, _ theirs: String, bias: Bool = true) -> [TensorLink] {
        [same("\(ours).weight", "\(theirs).weight")] + (bias ? [same("\(ours).bias", "\(theirs).bias")] : [])
    }

    /// Weight and bias of a linear map whose weight is stored [inputs, outputs].
    static func transposed(_ ours: String, _ theirs: String) -> [TensorLink] {
        [
            .weight(
                Weight(ours: "\(ours).weight", theirs: [Part(name: "\(theirs).weight")], isTransposed: true)),
            same("\(ours).bias", "\(theirs).bias"),
        ]
    }

    /// One linear map of ours that is several of theirs, each with so many outputs.
    static func stacked(
        _ ours: String, _ theirs: [(name: String, rows: Int)], bias: Bool = true
    ) -> [TensorLink] {
        (bias ? ["weight", "bias"] : ["weight"]).map { kind in
            .weight(
                Weight(
                    ours: "\(ours).\(kind)", theirs: theirs.map { Part(name: "\($0.name).\(kind)", rows: $0.rows) }))
        }
    }

    /// Gain and shift of a normalization.
    static func normalization(_ ours: String, _ theirs: String, shift: Bool = true) -> [TensorLink] {
        [same("\(ours).scale", "\(theirs).weight")] + (shift ? [same("\(ours).shift", "\(theirs).bias")] : [])
    }
}
