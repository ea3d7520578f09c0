/// Parameters that are updated in another way than the rest: an entry of `optimizer.groups`.
package struct ParameterGroup: Equatable, Sendable {
    /// Patterns of their names, as `NamePattern` has them.
    package var names: [String] = []
    /// What the schedule's rate is multiplied with.
    package var learningRateScale = 1.0
    /// In the place of the optimizer's, and of vectors as well; nil: the optimizer's.
    package var weightDecay: Double?
    /// In the place of the optimizer's, and of vectors as well; nil: the optimizer's.
    package var l1: Double?
    /// In the place of the optimizer's, and of vectors as well; nil: the optimizer's.
    package var l2: Double?

    /// A group of no parameters.
    package init() {}
}
