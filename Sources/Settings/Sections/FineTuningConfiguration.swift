import Failures
import Tensors

/// What the first weights are taken from: the section `fine_tuning`.
package struct FineTuningConfiguration: Equatable, Sendable {
    /// A checkpoint, or a run whose newest one is meant; nil: all weights are drawn.
    package var from: String?
    /// Patterns of the names of parameters that are loaded, as `NamePattern` has them.
    package var load = ["*"]
    /// Patterns of those among them that are drawn all the same, such as a new head's.
    package var skip: [String] = []

    package init() {}
}

extension FineTuningConfiguration {
    /// The parameters of `layout` that are loaded.
    ///
    /// - Throws: `usage` where a pattern stands for none of them, or nothing is left.
    package func selection(_ layout: ParameterLayout) throws(Failure) -> [Parameter] {
        let names = layout.parameters.map(\.name)
        var isLoaded = names.map { _ in false }
        for (key, patterns, value) in [("load", load, true), ("skip", skip, false)] {
            for pattern in patterns.map(NamePattern.init) {
                let matches = names.indices.filter { pattern.matches(names[$0]) }
                guard !matches.isEmpty else {
                    throw Failure(
                        .usage,
                        "fine_tuning.\(key): no parameter is named \(pattern.text); the nearest: "
                            + pattern.nearest(3, among: names).joined(separator: ", "))
                }
                for index in matches { isLoaded[index] = value }
            }
        }
        let selection = zip(layout.parameters, isLoaded).filter(\.1).map(\.0)
        guard !selection.isEmpty else {
            throw Failure(.usage, "fine_tuning.skip: leaves nothing to load; allowed: patterns that leave something")
        }
        return selection
    }
}
