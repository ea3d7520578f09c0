import Kernels
import Tensors

// R rows, C width.

/// Where a block normalizes.
package enum NormalizationPlacement: Sendable {
    /// What a sublayer reads: x + f(norm(x)).
    ///
    /// - Source: Radford et al. 2019 (GPT-2), section 2.3; Xiong et al. 2020, arXiv:2002.04745.
    case pre
    /// The sum: norm(x + f(x)).
    ///
    /// - Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.1.
    case post
    /// What a sublayer reads and what it adds: x + norm(f(norm(x))).
    ///
    /// - Source: Ding et al. 2021 (CogView), arXiv:2105.13290, section 2.4.
    case sandwich
}

/// The way around a sublayer f: normalization, dropout and the residual connection.
package struct ResidualBranch<Element: Storage> {
    /// Of what the sublayer reads, or, placed post, of the sum.
    package let normalization: Normalization<Element>
    /// Of what the sublayer adds, placed sandwich.
    package let outputNormalization: Normalization<Element>?
    /// Where it normalizes.
    package let placement: NormalizationPlacement
    private let width: Int
    private let site: Int

    /// What the backward pass needs of the forward pass.
    package struct Activations {
        /// Its output, [R, C].
        package let output: UnsafeMutablePointer<Element>
        /// What the sublayer read, [R, C]; nil where that is the branch's input.
        let normalized: UnsafeMutablePointer<Element>?
        /// What a normalization after the sublayer read, [R, C].
        let unnormalized: UnsafeMutablePointer<Element>?
        let statistics: Normalization<Element>.Statistics
        let outputStatistics: Normalization<Element>.Statistics?

        /// What the sublayer read.
        func sublayerInput(_ input: UnsafePointer<Element>) -> UnsafePointer<Element> {
            normalized.map { UnsafePointer($0) } ?? input
        }
    }

    /// Declares `name`_normalization and, placed sandwich, `name`_output_normalization.
    ///
    /// - Parameter site: The number of the place where the sublayer's output is dropped.
    package init(
        _ name: String, width: Int, _ placement: NormalizationPlacement, _ style: NormalizationStyle, site: Int,
        in layout: inout ParameterLayout
    ) {
        self.width = width
        self.placement = placement
        self.site = site
        normalization = Normalization("\(name)_normalization", width: width, style, in: &layout)
        outputNormalization =
            placement == .sandwich
            ? Normalization("\(name)_output_normalization", width: width, style, in: &layout) : nil
    }

    /// Memory for the activations of `rows`.
    package func takeActivations(rows: Int, from arena: ActivationArena) -> Activations {
        Activations(
            output: arena.take(Element.self, rows * width),
            normalized: placement == .post ? nil : arena.take(Element.self, rows * width),
            unnormalized: placement == .pre ? nil : arena.take(Element.self, rows * width),
            statistics: arena.takeStatistics(Element.self, rows: rows),
            outputStatistics: placement == .sandwich ? arena.takeStatistics(Element.self, rows: rows) : nil)
    }

    /// Computes `activations.output` from `input`, [R, C] both.
    ///
    /// - Parameter sublayer: f, from the first, [R, C], into the second.
    package func forward(
        _ input: UnsafePointer<Element>, weights: UnsafePointer<Element>, _ activations: Activations, _ pass: Pass,
        sublayer: (UnsafePointer<Element>, UnsafeMutablePointer<Float>) -> Void
    ) {
        let (rows, count) = (pass.rows, pass.rows * width)
        let branch = pass.workspace.floats(.branch, count)
        if let normalized = activations.normalized {
            normalization.forward(input, weights: weights, into: normalized, activations.statistics, rows: rows)
        }
        sublayer(activations.sublayerInput(input), branch)
        drop(branch, pass)
        switch placement {
        case .pre:
            residual(input, branch, into: activations.output, count: count)
        case .post:
            residual(input, branch, into: activations.unnormalized!, count: count)
            normalization.forward(
                activations.unnormalized!, weights: weights, into: activations.output, activations.statistics,
                rows: rows)
        case .sandwich:
            convert(UnsafePointer(branch), into: activations.unnormalized!, count: count)
            outputNormalization!.forward(
                activations.unnormalized!, weights: weights, into: activations.output, activations.outputStatistics!,
                rows: rows)
            add(input, accumulatingInto: activations.output, count: count)
        }
    }

    /// Turns `streamGradient`, [R, C], from the gradient of the output into that of the input.
    ///
    /// - Parameter sublayer: f's backward pass: given what f read, it turns the gradient of f's output into that of its
    ///   input, in place.
    package func backward(
        _ input: UnsafePointer<Element>, streamGradient: UnsafeMutablePointer<Float>,
        weights: UnsafePointer<Element>, gradients: UnsafeMutablePointer<Element>, _ activations: Activations,
        _ pass: Pass, sublayer: (UnsafePointer<Element>, UnsafeMutablePointer<Float>) -> Void
    ) {
        let (rows, count) = (pass.rows, pass.rows * width)
        let branch = pass.workspace.floats(.branchGradient, count)
        switch placement {
        case .pre:
            convert(UnsafePointer(streamGradient), into: branch, count: count)
        case .post:
            branch.update(repeating: 0, count: count)
            normalization.backward(
                activations.unnormalized!, outputGradient: streamGradient, weights: weights, gradients: gradients,
                accumulatingInto: branch, activations.statistics, rows: rows, pass.workspace)
            convert(UnsafePointer(branch), into: streamGradient, count: count)
        case .sandwich:
            branch.update(repeating: 0, count: count)
            outputNormalization!.backward(
                activations.unnormalized!, outputGradient: streamGradient, weights: weights, gradients: gradients,
                accumulatingInto: branch, activations.outputStatistics!, rows: rows, pass.workspace)
        }
        drop(branch, pass)
        sublayer(activations.sublayerInput(input), branch)
        if placement == .post {
            add(UnsafePointer(branch), accumulatingInto: streamGradient, count: count)
        } else {
            normalization.backward(
                input, outputGradient: branch, weights: weights, gradients: gradients,
                accumulatingInto: streamGradient, activations.statistics, rows: rows, pass.workspace)
        }
    }

    private func drop(_ branch: UnsafeMutablePointer<Float>, _ pass: Pass) {
        pass.dropouts.residual?.apply(
            branch, sequences: pass.sequences, elements: pass.positions * width, site: site)
    }
}
