import Kernels

/// The head layout and the position encoding of a model's attention layers.
package struct AttentionShape: Equatable, Sendable {
    /// C, the hidden size.
    package let width: Int
    /// H, the number of query heads, a divisor of C.
    package let headCount: Int
    /// K, the number of KV heads, a divisor of H.
    package let keyHeadCount: Int
    /// Whether scores have ALiBi biases.
    package let penalizesDistance: Bool
    /// The parameters of rotary position embedding; nil: none.
    package let rotary: RotaryAngles?

    /// A shape with the given properties.
    package init(
        width: Int, headCount: Int, keyHeadCount: Int, penalizesDistance: Bool = false, rotary: RotaryAngles? = nil
    ) {
        self.width = width
        self.headCount = headCount
        self.keyHeadCount = keyHeadCount
        self.penalizesDistance = penalizesDistance
        self.rotary = rotary
    }

    /// D = C / H, the head dimension.
    package var headWidth: Int { width / headCount }
    /// K · D, the width of the keys of a position, and of its values.
    package var keyWidth: Int { keyHeadCount * headWidth }
}
