import Kernels
import Numbers
import Tensors

// B images, P patches per image, N values per patch, C hidden size; T = 1 + P positions, or 2 + P with a distillation
// token.

/// The embedding of an image: a learned class token, possibly a learned distillation token, and a linear projection of
/// each patch, with learned positions.
///
/// - Source: Dosovitskiy et al. 2021, arXiv:2010.11929, eq. 1; Touvron et al. 2021 (DeiT), arXiv:2012.12877, section 4.
package struct PatchEmbedding<Element: Storage> {
    private let projection: Linear<Element>
    /// The offsets of the tokens before the patches.
    private let tokens: [Int]
    private let positionTable: Int?
    private let patchCount: Int
    private let width: Int
    private let site: Int

    /// The activations that the backward pass uses.
    package struct Activations {
        /// The output, [B, T, C].
        package let output: UnsafeMutablePointer<Element>
        let patches: UnsafeMutablePointer<Element>
        let projected: UnsafeMutablePointer<Element>
    }

    /// Declares patch_embedding [C, N], class_token [C], if `distills` distillation_token [C] and, if positions are
    /// learned, position_embedding.weight [T, C].
    package init(
        patchCount: Int, patchWidth: Int, width: Int, distills: Bool = false, learnsPositions: Bool,
        _ initialization: WeightInitialization, initializer: Initializer, site: Int, in layout: inout ParameterLayout
    ) {
        self.patchCount = patchCount
        self.width = width
        self.site = site
        projection = Linear(
            "patch_embedding", inputWidth: patchWidth, outputWidth: width, bias: true, initialization, in: &layout)
        tokens = (distills ? ["class_token", "distillation_token"] : ["class_token"]).map {
            layout.declare($0, [width], initializer, decays: false)
        }
        positionTable =
            learnsPositions
            ? layout.declare(
                "position_embedding.weight", [tokens.count + patchCount, width], initializer, decays: true) : nil
    }

    /// Allocates activations for `sequences` images.
    package func takeActivations(sequences: Int, from arena: ActivationArena) -> Activations {
        let rows = sequences * patchCount
        return Activations(
            output: arena.take(Element.self, (rows + sequences * tokens.count) * width),
            patches: arena.take(Element.self, rows * projection.inputWidth),
            projected: arena.take(Element.self, rows * width))
    }

    /// Computes `activations.output` from `patches`, [B, P, N].
    package func forward(
        _ patches: UnsafePointer<Float>, _ activations: Activations, _ pass: Pass<Element>
    ) {
        let (rows, image, weights) = (pass.sequences * patchCount, patchCount * width, pass.context.weights)
        convert(patches, into: activations.patches, count: rows * projection.inputWidth)
        projection.forward(activations.patches, into: activations.projected, rows: rows, pass.context)
        for b in 0..<pass.sequences {
            let count = tokens.count * width + image
            let output = activations.output + b * count
            for (t, token) in tokens.enumerated() { (output + t * width).update(from: weights + token, count: width) }
            (output + tokens.count * width).update(from: activations.projected + b * image, count: image)
            if let positionTable { add(weights + positionTable, accumulatingInto: output, count: count) }
        }
        pass.dropEmbedding(activations.output, width: width, site: site)
    }

    /// Computes the backward pass; all gradients of the layer are overwritten, unless they are frozen.
    ///
    /// - Parameter outputGradient: [B, T, C]; undefined afterwards.
    package func backward(
        outputGradient: UnsafeMutablePointer<Float>, _ activations: Activations, _ pass: Pass<Element>
    ) {
        guard let gradients = pass.context.gradients else { return }
        let (image, workspace) = (patchCount * width, pass.context.workspace)
        pass.context.dropouts.embedding?.apply(
            outputGradient, sequences: pass.sequences, elements: pass.positions * width, site: site)
        if let positionTable {
            positionEmbeddingBackward(
                outputGradient: outputGradient, into: gradients + positionTable, sum: workspace.floats(.sums, width),
                sequences: pass.sequences, positions: pass.positions, width: width)
        }
        // The rows of each token and the rows of patches, each gathered contiguously.
        let tokenRows = workspace.floats(.innerGradient, pass.rows * width)
        let patchRows = tokenRows + tokens.count * pass.sequences * width
        for b in 0..<pass.sequences {
            let source = outputGradient + b * (tokens.count * width + image)
            for t in tokens.indices {
                (tokenRows + (t * pass.sequences + b) * width).update(from: source + t * width, count: width)
            }
            (patchRows + b * image).update(from: source + tokens.count * width, count: image)
        }
        for (t, token) in tokens.enumerated() {
            biasGradient(
                tokenRows + t * pass.sequences * width, into: gradients + token, rows: pass.sequences, columns: width)
        }
        projection.backward(
            activations.patches, outputGradient: patchRows, inputGradient: nil, rows: pass.sequences * patchCount,
            pass.context)
    }
}
