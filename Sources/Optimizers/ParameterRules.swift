import Failures
import Tensors

/// How each parameter of a model is updated: which group it is in, and whether it is frozen.
package struct ParameterRules: Sendable {
    /// What the parameters of a group have in common.
    package struct Rule: Sendable {
        /// Its weight decay and penalties are those of the parameters, and 0 where they have none.
        package let optimizer: any Optimizer
        /// What the schedule's rate is multiplied with.
        package let learningRateScale: Double
    }

    /// The rules that there are.
    package let rules: [Rule]
    /// The rule of each parameter, in the layout's order; nil: frozen.
    package let indices: [Int?]

    /// The rules of the parameters of `layout`: the first group that names one has it.
    ///
    /// - Throws: `usage` where a pattern names no parameter, with the nearest names, or where all are frozen.
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
            throw Failure(.usage, "optimizer.freeze: names all parameters; allowed: patterns that leave some to train")
        }
        var members: [[Bool]] = []
        for (index, group) in configuration.groups.enumerated() {
            members.append(try selection(group.names, "groups[\(index)].names"))
        }
        // Two rules for each group, of what decays and what does not, and two for the rest.
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
            "optimizer.\(key): no parameter is named \(pattern.text); the nearest: "
                + "\(pattern.nearest(3, among: names).joined(separator: ", "))")
    }
}
