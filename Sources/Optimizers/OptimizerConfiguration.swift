/// The section `optimizer` of a configuration.
package struct OptimizerConfiguration: Equatable, Sendable {
    /// The optimization algorithm.
    package enum Kind: String, CaseIterable, Sendable {
        /// Adam with decoupled weight decay.
        case adamw
        /// Adam without weight decay; L1 and L2 penalties are added to the gradient.
        case adam
        /// Stochastic gradient descent.
        case sgd
        /// Stochastic gradient descent with momentum.
        case momentum
        /// Stochastic gradient descent with Nesterov momentum.
        case nesterov
        /// RMSProp.
        case rmsprop
        /// Adagrad.
        case adagrad
        /// Lion.
        case lion
    }

    package var kind = Kind.adamw
    /// `adamw`, `adam`: the decay rates of the first and second moments; `lion`: β₁ and β₂.
    package var betas = [0.9, 0.95]
    /// `momentum`, `nesterov`: the momentum coefficient μ.
    package var momentum = 0.9
    /// `rmsprop`: the decay rate of the mean square.
    package var alpha = 0.99
    /// `adamw`, `adam`, `rmsprop`, `adagrad`: ε, added to the denominator.
    package var epsilon = 1e-8
    /// `adamw`, `lion`: decoupled weight decay; a step subtracts learning rate · weightDecay · w.
    package var weightDecay = 0.1
    /// λ of the L1 penalty λ·Σ|w| on weights that decay; its gradient is added to the loss gradient.
    package var l1 = 0.0
    /// λ of the L2 penalty λ/2·Σw² on weights that decay; PyTorch's weight decay, except for AdamW and Lion.
    package var l2 = 0.0
    /// The maximum global gradient norm; 0: no clipping.
    package var clipNorm = 1.0
    /// The maximum magnitude of a gradient element; 0: no clipping.
    package var clipValue = 0.0

    /// Parameter groups with other settings; a parameter belongs to the first group that matches its name.
    package var groups: [ParameterGroup] = []
    /// Name patterns of frozen parameters.
    package var freeze: [String] = []

    /// The default settings.
    package init() {}
}
