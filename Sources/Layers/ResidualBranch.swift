import Kernels
import Numbers
import Tensors

// R rows, C hidden size.

/// The placement of normalization in a block.
package enum NormalizationPlacement: Sendable {
    /// Pre-norm, on the sublayer's input: x + f(norm(x)).
    ///
    /// - Source: Radford et al. 2019 (GPT-2), section 2.3; Xiong et al. 2020, arXiv:2002.04745.
    case pre
    /// Post-norm, after the residual addition: norm(x + f(x)).
    ///
    /// - Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.1.
    case post
    /// Sandwich norm, on the sublayer's input and output: x + norm(f(norm(x))).
    ///
    /// - Source: Ding et al. 2021 (CogView), arXiv:2105.13290, section 2.4.
    case sandwich
}

/// Normalization, dropout and the residual connection around a sublayer f.
package struct ResidualBranch<Element: Storage> {
    /// The normalization of the sublayer's input or, for post-norm, of the sum.
    package let normalization: Normalization<Element>
    /// The normalization of the sublayer's output, for sandwich norm only.
    package let outputNormalization: Normalization<Element>?
    /// The placement of normalization.
    package let placement: NormalizationPlacement
    private let width: Int
    private let site: Int

    /// The activations that the backward pass uses.
    package struct Activations {
        /// The branch's output, [R, C].
        package internal(set) var output: UnsafeMutablePointer<Element>
        /// The sublayer's input, [R, C]; nil if that is the branch's input (post-norm).
        let normalized: UnsafeMutablePointer<Element>?
        /// The input of the normalization after the sublayer, [R, C]; nil for pre-norm.
        let unnormalized: UnsafeMutablePointer<Element>?
        let statistics: Normalization<Element>.Statistics
        let outputStatistics: Normalization<Element>.Statistics?

        /// Returns the sublayer's input.
        func sublayerInput(_ input: UnsafePointer<Element>) -> UnsafePointer<Element> {
            normalized.map { UnsafePointer($0) } ?? input
        }
    }

    /// Declares `name`_normalization and, for sandwich norm, `name`_output_normalization.
    ///
    /// - Parameter site: The number of the dropout site of the sublayer's output.
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

    /// Allocates only the output for `rows` rows.
    func takeOutput(rows: Int, from arena: ActivationArena) -> UnsafeMutablePointer<Element> {
        arena.take(Element.self, rows * width)
    }

    /// Allocates activations for `rows` rows.
    package func takeActivations(rows: Int, from arena: ActivationArena) -> Activations {
        Activations(
            output: takeOutput(rows: rows, from: arena),
            normalized: placement == .post ? nil : arena.take(Element.self, rows * width),
            unnormalized: placement == .pre ? nil : arena.take(Element.self, rows * width),
            statistics: arena.takeStatistics(Element.self, rows: rows),
            outputStatistics: placement == .sandwich ? arena.takeStatistics(Element.self, rows: rows) : nil)
    }

    /// Computes `activations.output` from `input`, both [R, C].
    ///
    /// - Parameters:
    ///   - stream: The rows to which the branch is added, [R, C]; nil: `input`. Only for pre-norm and sandwich norm.
    ///   - sublayer: Computes f from its first argument, [R, C], into its second.
    package func forward(
        _ input: UnsafePointer<Element>, addingTo stream: UnsafePointer<Element>? = nil, _ activations: Activations,
        _ pass: Pass<Element>,
        sublayer: (UnsafePointer<Element>, UnsafeMutablePointer<Float>) -> Void
    ) {
        let (rows, count) = (pass.rows, pass.rows * width)
        let branch = pass.context.workspace.floats(.branch, count)
        if let normalized = activations.normalized {
            normalization.forward(input, into: normalized, activations.statistics, rows: rows, pass.context)
        }
        sublayer(activations.sublayerInput(input), branch)
        drop(branch, pass)
        switch placement {
        case .pre:
            residual(stream ?? input, branch, into: activations.output, count: count)
        case .post:
            residual(input, branch, into: activations.unnormalized!, count: count)
            normalization.forward(
                activations.unnormalized!, into: activations.output, activations.statistics,
                rows: rows, pass.context)
        case .sandwich:
            convert(UnsafePointer(branch), into: activations.unnormalized!, count: count)
            outputNormalization!.forward(
                activations.unnormalized!, into: activations.output, activations.outputStatistics!,
                rows: rows, pass.context)
            add(stream ?? input, accumulatingInto: activations.output, count: count)
        }
    }

    /// Replaces `streamGradient`, [R, C], the gradient of the branch's output, by the gradient of its input.
    ///
    /// - Parameters:
    ///   - outputGradient: The gradient of the branch's output if `streamGradient` also has other parts, to which the
    ///     gradient of the branch's input is then added; nil: `streamGradient`. Only for pre-norm and sandwich norm.
    ///   - sublayer: Computes f's backward pass: its arguments are f's input and the gradient of f's output, which it
    ///     replaces by the gradient of f's input.
    package func backward(
        _ input: UnsafePointer<Element>, outputGradient: UnsafePointer<Float>? = nil,
        streamGradient: UnsafeMutablePointer<Float>, _ activations: Activations,
        _ pass: Pass<Element>, sublayer: (UnsafePointer<Element>, UnsafeMutablePointer<Float>) -> Void
    ) {
        let (rows, count) = (pass.rows, pass.rows * width)
        let branch = pass.context.workspace.floats(.branchGradient, count)
        switch placement {
        case .pre:
            convert(outputGradient ?? UnsafePointer(streamGradient), into: branch, count: count)
        case .post:
            branch.update(repeating: 0, count: count)
            normalization.backward(
                activations.unnormalized!, outputGradient: streamGradient, accumulatingInto: branch,
                activations.statistics, rows: rows, pass.context)
            convert(UnsafePointer(branch), into: streamGradient, count: count)
        case .sandwich:
            branch.update(repeating: 0, count: count)
            outputNormalization!.backward(
                activations.unnormalized!, outputGradient: outputGradient ?? UnsafePointer(streamGradient),
                accumulatingInto: branch, activations.outputStatistics!, rows: rows, pass.context)
        }
        drop(branch, pass)
        sublayer(activations.sublayerInput(input), branch)
        if placement == .post {
            add(UnsafePointer(branch), accumulatingInto: streamGradient, count: count)
        } else {
            normalization.backward(
                input, outputGradient: branch, accumulatingInto: streamGradient, activations.statistics, rows: rows,
                pass.context)
        }
    }

    private func drop(_ branch: UnsafeMutablePointer<Float>, _ pass: Pass<Element>) {
        pass.context.dropouts.residual?.apply(
            branch, sequences: pass.sequences, elements: pass.positions * width, site: site)
    }
}
