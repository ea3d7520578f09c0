import Optimizers

// Keys that only some kinds read: a value that nobody would read is refused.

extension ConfigurationCheck {
    /// Which optimizers read the keys of their section that not all do.
    static let optimizerKeys: [ConfigurationCheck] = [
        only([.adamw, .adam, .lion], read: "optimizer.betas", \.optimizer.kind),
        only([.momentum, .nesterov], read: "optimizer.momentum", \.optimizer.kind),
        only([.rmsprop], read: "optimizer.alpha", \.optimizer.kind),
        only([.adamw, .adam, .rmsprop, .adagrad], read: "optimizer.epsilon", \.optimizer.kind),
        only([.adamw, .lion], read: "optimizer.weight_decay", \.optimizer.kind, hint: "; others have optimizer.l2"),
        ConfigurationCheck("optimizer.groups", "optimizer.kind") { configuration in
            let optimizer = configuration.optimizer
            let isRead = [.adamw, .lion].contains(optimizer.kind)
            return isRead || optimizer.groups.allSatisfy { ($0.weightDecay ?? 0) == 0 }
                ? nil
                : "groups without weight_decay where optimizer.kind is \(optimizer.kind.rawValue): only adamw, lion read "
                    + "it; others have l2"
        },
    ]

    /// Which schedules read the keys of their section that not all do, and what they need.
    static let scheduleKeys: [ConfigurationCheck] = [
        only([.polynomial], read: "schedule.power", \.schedule.kind),
        only([.step, .exponential], read: "schedule.gamma", \.schedule.kind),
        only([.step], read: "schedule.step_size", \.schedule.kind),
        only([.step], read: "schedule.milestones", \.schedule.kind),
        only([.oneCycle], read: "schedule.div_factor", \.schedule.kind),
        ConfigurationCheck("schedule.step_size", "schedule.kind", "schedule.milestones") { configuration in
            let schedule = configuration.schedule
            guard schedule.kind == .step else { return nil }
            if schedule.milestones.isEmpty {
                return schedule.stepSize > 0 ? nil : "at least 1 where schedule.kind is step, or schedule.milestones"
            }
            return schedule.stepSize == 0 ? nil : "0 where schedule.milestones says when to multiply"
        },
    ]

    /// A check that `key` has its default, or is 0, where the kind of its section is not one of `kinds`.
    ///
    /// - Parameter hint: What to do instead.
    private static func only<Kind: RawRepresentable<String> & Equatable & Sendable>(
        _ kinds: [Kind], read key: String, _ kind: KeyPath<Configuration, Kind> & Sendable, hint: String = ""
    ) -> ConfigurationCheck {
        let kindKey = key.prefix { $0 != "." } + ".kind"
        return ConfigurationCheck(key, String(kindKey)) { configuration in
            let asked = configuration[keyPath: kind]
            guard !kinds.contains(asked), let line = Configuration.keys.first(where: { $0.path == key }) else {
                return nil
            }
            let (found, usual) = (line.text(configuration), line.text(Configuration()))
            if [usual, "0", "0.0"].contains(found) { return nil }
            return "\(usual), the default, where \(kindKey) is \(asked.rawValue): only "
                + "\(kinds.map(\.rawValue).joined(separator: ", ")) read\(kinds.count == 1 ? "s" : "") it\(hint)"
        }
    }
}
