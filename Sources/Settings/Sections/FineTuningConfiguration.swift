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
    /// The adapters to train in place of the loaded weights, which are frozen; nil: all weights are trained.
    package var lora: LowRankAdaptation?

    package init() {}
}

extension FineTuningConfiguration {
    /// The adapters to train; nil: all weights are trained, as they always are without loaded ones.
    package var adaptation: LowRankAdaptation? { from == nil ? nil : lora }

    /// Checks that every target of the adaptation has an adapter in `layout`, the layout of the model with the
    /// adaptation.
    ///
    /// - Throws: `usage`, with the nearest names.
    package func requireTargets(in layout: ParameterLayout) throws(Failure) {
        for target in adaptation?.targets ?? [] {
            var alone = LowRankAdaptation()
            alone.targets = [target]
            if layout.adapters.contains(where: { alone.isTarget($0.name) }) { continue }
            let nearest = NamePattern("*.\(target)").nearest(3, among: layout.adaptables.map(\.name))
            throw Failure(
                .usage,
                "fine_tuning.lora: targets: no linear layer of the blocks, and no part of one that is not adapted as a "
                    + "whole, matches \(target); the nearest: \(nearest.joined(separator: ", "))")
        }
    }

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
