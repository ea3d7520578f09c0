import Files
import Layers

extension PromptAttention {
    /// All probabilities as one JSON object, rounded to six decimals.
    package var json: JSON {
        var members: [JSON.Member] = [
            .init("checkpoint", .string(checkpoint)), .init("prompt", .string(prompt)),
            .init("target", target.map { .string($0) } ?? .null), .init("parts", .array(parts.map(\.json))),
        ]
        if let alignment { members.append(.init("alignment", alignment.json)) }
        return .object(members)
    }
}

extension PromptAttention.Part {
    fileprivate var json: JSON {
        var members: [JSON.Member] = [
            .init("kind", .string(kind.rawValue)), .init("queries", .array(queries.map { .string($0) })),
            .init("keys", .array(keys.map { .string($0) })),
            .init(
                "layers",
                .array(
                    layers.map { map in
                        .array(
                            (0..<map.heads).map { head in
                                .array((0..<map.queries).map { rounded(map.row(head: head, query: $0)) })
                            })
                    })),
        ]
        if let rollout {
            members.append(
                .init(
                    "rollout",
                    .array(queries.indices.map { rounded(rollout[($0 * keys.count)...].prefix(keys.count)) })))
        }
        return .object(members)
    }
}

extension Alignment {
    /// The links, with the tokens that they connect.
    fileprivate var json: JSON {
        [
            "links": .array(
                links.enumerated().map { target, link in
                    [
                        "target": .integer(target), "source": .integer(link.source),
                        "target_token": .string(targets[target]), "source_token": .string(sources[link.source]),
                        "probability": roundedNumber(link.probability),
                    ]
                }),
            "in_order": .integer(inOrder.count), "pairs": .integer(inOrder.pairs),
        ]
    }
}

/// Numbers as JSON, with six decimals.
func rounded(_ values: some Sequence<Float>) -> JSON { .array(values.map(roundedNumber)) }

/// A number as JSON, with six decimals.
func roundedNumber(_ value: Float) -> JSON { .number((Double(value) * 1e6).rounded() / 1e6) }
