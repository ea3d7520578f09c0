import Files

extension TokenizerDescription {
    /// The description as JSON; absent fields are omitted.
    package var json: JSON {
        var members = [JSON.Member("kind", .string(kind.rawValue))]
        if let modelDigest { members.append(JSON.Member("model_xxh3_128", .string(modelDigest))) }
        let tokens = SpecialTokens.names.compactMap { name, token in
            specialTokens[keyPath: token].map { JSON.Member(name, .integer(Int($0))) }
        }
        if !tokens.isEmpty { members.append(JSON.Member("special_tokens", .object(tokens))) }
        return .object(members)
    }

    /// Parses a description; nil if `json` is invalid.
    package init?(_ json: JSON) {
        guard let kind = json["kind"]?.stringValue.flatMap(Kind.init(rawValue:)) else { return nil }
        var special = SpecialTokens.none
        for (name, token) in SpecialTokens.names {
            guard let value = json["special_tokens"]?[name] else { continue }
            guard let number = value.integerValue.flatMap(Int32.init(exactly:)), number >= 0 else { return nil }
            special[keyPath: token] = number
        }
        self.init(kind: kind, modelDigest: json["model_xxh3_128"]?.stringValue, specialTokens: special)
    }
}
