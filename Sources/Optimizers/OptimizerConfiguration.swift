/// How gradients become an update: the section `optimizer` of a configuration.
package struct OptimizerConfiguration: Equatable, Sendable {
    /// Which optimizer it is.
    package enum Kind: String, CaseIterable, Sendable {
        /// Adam with weight decay apart from the gradient.
        case adamw
    }

    package var kind = Kind.adamw
    /// Decay rates of the first and the second moment.
    package var betas = [0.9, 0.95]
    /// What keeps a division by the root of the second moment finite.
    package var epsilon = 1e-8
    /// The share of a decayed weight that a step at rate 1 takes away.
    package var weightDecay = 0.1
    /// The largest norm of the whole gradient; 0 turns it off.
    package var clipNorm = 1.0
    /// The largest magnitude of one gradient element; 0 turns it off.
    package var clipValue = 0.0

    /// The optimizer of the quickstart.
    package init() {}
}
