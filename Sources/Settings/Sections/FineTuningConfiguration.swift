import Failures
import Tensors

/// The section `fine_tuning`: where initial weights are loaded from.
package struct FineTuningConfiguration: Equatable, Sendable {
    /// A checkpoint, or a run (its newest checkpoint); nil: random initialization.
    package var from: String?
    /// Name patterns of the parameters to load, see `NamePattern`.
    package var load = ["*"]
    /// Name patterns of parameters to exclude from `load` and to initialize randomly, such as those of a new head.
    package var skip: [String] = []

    package init() {}
}

extension FineTuningConfiguration {
    /// The parameters of `layout` to load.
    ///
    /// - Throws: `usage` if a pattern matches no parameter, or no parameter is left.
    package func selection(_ layout: ParameterLayout) throws(Failure) -> [Parameter] {
        let names = layout.parameters.map(\.name)
        var isLoaded = names.map { _ in false }
        for (key, patterns, value) in [("load", load, true), ("skip", skip, false)] {
            for pattern in patterns.map(NamePattern.init) {
                let matches = names.indices.filter { pattern.matches(names[$0]) }
                guard !matches.isEmpty else {
                    throw Failure(
                        .usage,
                        "fine_tuning.\(key): no parameter matches \(pattern.text); the nearest: "
                            + pattern.nearest(3, among: names).joined(separator: ", "))
                }
                for index in matches { isLoaded[index] = value }
            }
        }
        let selection = zip(layout.parameters, isLoaded).filter(\.1).map(\.0)
        guard !selection.isEmpty else {
            throw Failure(
                .usage, "fine_tuning.skip: leaves nothing to load; allowed: patterns that leave at least one tensor")
        }
        return selection
    }
}
