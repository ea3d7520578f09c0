/// How gradients become an update: the section `optimizer` of a configuration.
package struct OptimizerConfiguration: Equatable, Sendable {
    /// Which optimizer it is.
    package enum Kind: String, CaseIterable, Sendable {
        /// Adam with weight decay apart from the gradient.
        case adamw
        /// Adam: what penalizes weights is part of the gradient.
        case adam
        /// Stochastic gradient descent.
        case sgd
        /// Gradient descent along a running sum of gradients.
        case momentum
        /// The same, a step ahead of it.
        case nesterov
        /// The gradient over the root of its mean square.
        case rmsprop
        /// The gradient over the root of the sum of its squares.
        case adagrad
        /// Steps of one length along the sign of a momentum.
        case lion
    }

    package var kind = Kind.adamw
    /// Decay rates of the first and the second moment, of `adamw`, `adam` and `lion`.
    package var betas = [0.9, 0.95]
    /// The share of the sum of gradients that the next step keeps, of `momentum` and `nesterov`.
    package var momentum = 0.9
    /// Decay rate of the mean square, of `rmsprop`.
    package var alpha = 0.99
    /// What keeps a division by the root of squares finite, of all that divide by one.
    package var epsilon = 1e-8
    /// The share of a decayed weight that a step at rate 1 takes away, apart from the gradient: of `adamw` and `lion`.
    package var weightDecay = 0.1
    /// λ of the penalty λ·Σ|w| on decayed weights, whose gradient is added to that of the loss.
    package var l1 = 0.0
    /// λ of the penalty λ/2·Σw² on decayed weights: what PyTorch calls weight decay but with AdamW and Lion.
    package var l2 = 0.0
    /// The largest norm of the whole gradient; 0 turns it off.
    package var clipNorm = 1.0
    /// The largest magnitude of one gradient element; 0 turns it off.
    package var clipValue = 0.0

    /// Parameters that are updated in other ways; the first group that names one has it.
    package var groups: [ParameterGroup] = []
    /// Patterns of the names of parameters that keep their first values.
    package var freeze: [String] = []

    /// The optimizer of the quickstart.
    package init() {}
}
