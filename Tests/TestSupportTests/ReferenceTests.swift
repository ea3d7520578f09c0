import Glibc
import Kernels
import TestSupport
import Testing

/// Every reference backward pass equals finite differences of its forward pass.
@Suite struct ReferenceTests {
    /// Finite differences of functions near 1 are accurate to 1e-10; the curvature at a small variance requires a
    /// larger tolerance.
    private let tolerance = 1e-8

    @Test(arguments: ActivationForm.allCases)
    func activationGradient(form: ActivationForm) {
        let point = normals(20, seed: 1, deviation: 2)
        checkGradients(
            point.map { Reference.activationDerivative($0, form) }, at: point, tolerance: tolerance
        ) { $0.reduce(0) { $0 + Reference.activation($1, form) } }
    }

    @Test func gatedActivationGradient() {
        let (input, weight) = (normals(3 * 2 * 5, seed: 1, deviation: 2), normals(3 * 5, seed: 2))
        checkGradients(
            Reference.gatedActivationBackward(input, outputGradient: weight, width: 5, .geluTanh), at: input,
            tolerance: tolerance
        ) { Reference.dot(Reference.gatedActivation($0, width: 5, .geluTanh), weight) }
    }

    /// The backward pass of a rotation is the inverse rotation.
    @Test func rotaryGradient() {
        let rotary = Reference.Rotary(
            stride: 15, firstColumn: 1, heads: 2, headWidth: 6, positions: 3, firstPosition: 2, base: 100)
        let (input, weight) = (normals(2 * 3 * 15, seed: 1), normals(2 * 3 * 15, seed: 2))
        checkGradients(rotary.rotated(weight, inverse: true), at: input, tolerance: tolerance) {
            Reference.dot(rotary.rotated($0), weight)
        }
    }

    @Test(arguments: [1e-5, 0.1])
    func layerNormalizationGradients(epsilon: Double) {
        let (input, scale, shift) = (normals(21, seed: 1), normals(7, seed: 2), normals(7, seed: 3))
        let weight = normals(21, seed: 4)
        let gradients = Reference.layerNormalizationBackward(
            input, scale: scale, epsilon: epsilon, outputGradient: weight)
        func loss(_ input: [Double], _ scale: [Double], _ shift: [Double]) -> Double {
            Reference.dot(
                Reference.layerNormalization(input, scale: scale, shift: shift, epsilon: epsilon).output, weight)
        }
        checkGradients(gradients.input, at: input, tolerance: tolerance) { loss($0, scale, shift) }
        checkGradients(gradients.scale, at: scale, tolerance: tolerance) { loss(input, $0, shift) }
        checkGradients(gradients.shift, at: shift, tolerance: tolerance) { loss(input, scale, $0) }
    }

    @Test(arguments: [1e-5, 0.1])
    func rmsNormalizationGradients(epsilon: Double) {
        let (input, scale, weight) = (normals(21, seed: 1), normals(7, seed: 2), normals(21, seed: 4))
        let gradients = Reference.rmsNormalizationBackward(
            input, scale: scale, epsilon: epsilon, outputGradient: weight)
        func loss(_ input: [Double], _ scale: [Double]) -> Double {
            Reference.dot(Reference.rmsNormalization(input, scale: scale, epsilon: epsilon).output, weight)
        }
        checkGradients(gradients.input, at: input, tolerance: tolerance) { loss($0, scale) }
        checkGradients(gradients.scale, at: scale, tolerance: tolerance) { loss(input, $0) }
    }

    static let masks = [
        Reference.Mask(isCausal: true), Reference.Mask(isCausal: false, lengths: [4, 2]),
        Reference.Mask(
            isCausal: true, lengths: [5, 4], prefixLengths: [3, 0], documentStarts: [0, 0, 2, 2, 4, 0, 1, 1, 1, 4]),
    ]

    @Test(arguments: masks, [1, 2, 4])
    func attentionGradients(mask: Reference.Mask, keyHeads: Int) {
        let attention = Reference.Attention(
            sequences: 2, queries: 5, keys: 5, heads: 4, keyHeads: keyHeads, headWidth: 3, mask: mask,
            slopes: Reference.slopes(heads: 4)
        ) { sequence, head, query, key in (sequence + head + query * 3 + key) % 4 == 0 ? 0 : 4 / 3 }
        let keyWidth = 3 * keyHeads
        let input = Reference.AttentionInput(
            queries: normals(2 * 5 * 12, seed: 1), keys: normals(2 * 5 * keyWidth, seed: 2),
            values: normals(2 * 5 * keyWidth, seed: 3))
        let weight = normals(2 * 5 * 12, seed: 4)
        let gradient = attention.backward(input, outputGradient: weight)
        for part in [\Reference.AttentionInput.queries, \.keys, \.values] {
            checkGradients(gradient[keyPath: part], at: input[keyPath: part], tolerance: tolerance) { point in
                var moved = input
                moved[keyPath: part] = point
                return Reference.dot(attention.forward(moved).output, weight)
            }
        }
    }

    /// The slopes that the paper states for eight heads, and those of the authors' code for twelve.
    @Test func slopesEqualThePublishedOnes() {
        let eight = (1...8).map { exp2(-Double($0)) }
        expectClose(Reference.slopes(heads: 8), eight, relative: 1e-15)
        expectClose(
            Reference.slopes(heads: 12), eight + [0.5, 1.5, 2.5, 3.5].map { exp2(-$0) }, relative: 1e-15)
        #expect(Reference.slopes(heads: 1) == [exp2(-8)])
    }

    @Test(arguments: [0, 0.1, 1])
    func crossEntropyGradient(labelSmoothing: Double) {
        let (logits, targets) = (normals(4 * 9, seed: 1, deviation: 3), [8, -1, 0, 3])
        checkGradients(
            Reference.crossEntropyGradient(logits, targets: targets, labelSmoothing: labelSmoothing, scale: 0.5),
            at: logits, tolerance: tolerance
        ) { 0.5 * Reference.crossEntropy($0, targets: targets, labelSmoothing: labelSmoothing).reduce(0, +) }
    }

    @Test func binaryCrossEntropyGradient() {
        let (logits, targets) = (normals(6, seed: 1, deviation: 3), [0, 1, -1, 0.25, 1, 0])
        checkGradients(
            Reference.binaryCrossEntropyGradient(logits, targets: targets, scale: 0.5), at: logits,
            tolerance: tolerance
        ) { 0.5 * Reference.binaryCrossEntropy($0, targets: targets, labels: 3).reduce(0, +) }
    }

    @Test func squaredErrorGradient() {
        let (outputs, targets) = (normals(6, seed: 1), [0, 1, .nan, 0.25, -1, 7])
        checkGradients(
            Reference.squaredErrorGradient(outputs, targets: targets, scale: 0.5), at: outputs, tolerance: tolerance
        ) { 0.5 * Reference.squaredError($0, targets: targets, width: 3).reduce(0, +) }
    }
}
