/// An entry of `optimizer.groups`: parameters whose settings differ from those of the section.
package struct ParameterGroup: Equatable, Sendable {
    /// The name patterns of the parameters, in the syntax of `NamePattern`.
    package var names: [String] = []
    /// The factor of the scheduled learning rate.
    package var learningRateScale = 1.0
    /// Overrides the optimizer's weight decay, including for biases and normalization weights; nil: no override.
    package var weightDecay: Double?
    /// Overrides the optimizer's L1 penalty, including for biases and normalization weights; nil: no override.
    package var l1: Double?
    /// Overrides the optimizer's L2 penalty, including for biases and normalization weights; nil: no override.
    package var l2: Double?

    /// A group without patterns.
    package init() {}
}
