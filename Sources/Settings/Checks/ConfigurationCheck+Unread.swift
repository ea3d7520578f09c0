// A value that has no effect is rejected; the message names values of another key with which it would have one.

extension ConfigurationCheck {
    /// The allowed value of `key`, which has no effect, and the reason.
    static func unread(_ key: ConfigurationKey<Configuration>, in configuration: Configuration) -> String {
        let usual = "\(key.text(Configuration())) (the default)"
        guard let (other, values) = reader(of: key, in: configuration) else {
            return "\(usual); no part of dtrain uses it"
        }
        let place = "\(usual) if \(other.path) is \(other.plain(configuration))"
        guard other.isChoice else { return "\(place); the key has an effect only with other values of \(other.path)" }
        return "\(place); only \(values.joined(separator: ", ")) use\(values.count == 1 ? "s" : "") it"
            + (hints[key.path].map { "; \($0)" } ?? "")
    }

    /// Another key, and those of its values with which `key` has an effect; a key of the same section is preferred.
    private static func reader(
        of key: ConfigurationKey<Configuration>, in configuration: Configuration
    ) -> (key: ConfigurationKey<Configuration>, values: [String])? {
        let others = Configuration.keys.filter { $0.path != key.path }
        let ordered = others.filter { $0.section == key.section } + others.filter { $0.section != key.section }
        for other in ordered {
            let values = other.examples.compactMap { example -> String? in
                var changed = configuration
                example(&changed)
                let isAllowed = all.allSatisfy { $0.key != other.path || $0.allowed(changed) == nil }
                return isAllowed && changed.reads(key) ? other.plain(changed) : nil
            }
            if !values.isEmpty { return (other, values) }
        }
        return nil
    }

    /// Hints for keys whose equivalent for other kinds has another name.
    private static let hints = ["optimizer.weight_decay": "use optimizer.l2 with the others"]
}
