import Kernels

/// The heads of a model's attentions, and how positions enter them.
package struct AttentionShape: Equatable, Sendable {
    /// C.
    package let width: Int
    /// H, a divisor of C.
    package let headCount: Int
    /// K, a divisor of H: heads of keys and values.
    package let keyHeadCount: Int
    /// Whether a score loses by the distance of its key (ALiBi).
    package let penalizesDistance: Bool
    /// The angles by which queries and keys are turned; nil turns nothing.
    package let rotary: RotaryAngles?

    /// A shape.
    package init(
        width: Int, headCount: Int, keyHeadCount: Int, penalizesDistance: Bool = false, rotary: RotaryAngles? = nil
    ) {
        self.width = width
        self.headCount = headCount
        self.keyHeadCount = keyHeadCount
        self.penalizesDistance = penalizesDistance
        self.rotary = rotary
    }

    /// D = C / H.
    package var headWidth: Int { width / headCount }
    /// K · D.
    package var keyWidth: Int { keyHeadCount * headWidth }
}
