import Failures
import Tensors

/// The update rule of each parameter of a model: its group, and whether it is frozen.
package struct ParameterRules: Sendable {
    /// The update rule of a set of parameters.
    package struct Rule: Sendable {
        /// The optimizer, with the weight decay and the penalties that apply to these parameters.
        package let optimizer: any Optimizer
        /// The factor of the scheduled learning rate.
        package let learningRateScale: Double
    }

    /// All rules.
    package let rules: [Rule]
    /// The index in `rules` of each parameter, in the layout's order; nil: frozen.
    package let indices: [Int?]

    /// The rules for the parameters of `layout`; a parameter belongs to the first group that matches its name.
    ///
    /// - Throws: `usage` if a pattern matches no parameter, with the nearest names, or if all parameters are frozen.
    package init(_ configuration: OptimizerConfiguration, _ layout: ParameterLayout) throws(Failure) {
        let names = layout.parameters.map(\.name)
        func selection(_ patterns: [String], _ key: String) throws(Failure) -> [Bool] {
            var selected = names.map { _ in false }
            for pattern in patterns.map(NamePattern.init) {
                let matches = names.indices.filter { pattern.matches(names[$0]) }
                guard !matches.isEmpty else { throw ParameterRules.nothing(pattern, key, names) }
                for index in matches { selected[index] = true }
            }
            return selected
        }
        let frozen = try selection(configuration.freeze, "freeze")
        guard frozen.contains(false) else {
            throw Failure(
                .usage, "optimizer.freeze: matches all parameters; allowed: patterns that leave at least one to train")
        }
        var members: [[Bool]] = []
        for (index, group) in configuration.groups.enumerated() {
            members.append(try selection(group.names, "groups[\(index)].names"))
        }
        // Two rules per group, for parameters without and with weight decay, and two for the parameters outside all
        // groups.
        rules = (configuration.groups + [ParameterGroup()]).flatMap { group in
            [false, true].map { ParameterRules.rule(configuration, group, decays: $0) }
        }
        indices = layout.parameters.enumerated().map { index, parameter in
            if frozen[index] { return nil }
            let group = members.firstIndex { $0[index] } ?? members.count
            return 2 * group + (parameter.decays ? 1 : 0)
        }
    }

    private static func rule(
        _ configuration: OptimizerConfiguration, _ group: ParameterGroup, decays: Bool
    ) -> Rule {
        var own = configuration
        own.weightDecay = group.weightDecay ?? (decays ? configuration.weightDecay : 0)
        own.l1 = group.l1 ?? (decays ? configuration.l1 : 0)
        own.l2 = group.l2 ?? (decays ? configuration.l2 : 0)
        return Rule(optimizer: makeOptimizer(own), learningRateScale: group.learningRateScale)
    }

    private static func nothing(_ pattern: NamePattern, _ key: String, _ names: [String]) -> Failure {
        Failure(
            .usage,
            "optimizer.\(key): no parameter matches \(pattern.text); the nearest: "
                + "\(pattern.nearest(3, among: names).joined(separator: ", "))")
    }
}
