import Kernels
import Tensors

// B images, P patches per image, N values per patch, C hidden size; T = 1 + P positions.

/// The embedding of an image: a learned class token followed by a linear projection of each patch, with learned
/// positions.
///
/// - Source: Dosovitskiy et al. 2021, arXiv:2010.11929, eq. 1.
package struct PatchEmbedding<Element: Storage> {
    private let projection: Linear<Element>
    private let classToken: Int
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

    /// Declares patch_embedding [C, N], class_token [C] and, if positions are learned, position_embedding.weight [T,
    /// C].
    package init(
        patchCount: Int, patchWidth: Int, width: Int, learnsPositions: Bool, _ initialization: WeightInitialization,
        initializer: Initializer, site: Int, in layout: inout ParameterLayout
    ) {
        self.patchCount = patchCount
        self.width = width
        self.site = site
        projection = Linear(
            "patch_embedding", inputWidth: patchWidth, outputWidth: width, bias: true, initialization, in: &layout)
        classToken = layout.declare("class_token", [width], initializer, decays: false)
        positionTable =
            learnsPositions
            ? layout.declare("position_embedding.weight", [1 + patchCount, width], initializer, decays: true) : nil
    }

    /// Allocates activations for `sequences` images.
    package func takeActivations(sequences: Int, from arena: ActivationArena) -> Activations {
        let rows = sequences * patchCount
        return Activations(
            output: arena.take(Element.self, (rows + sequences) * width),
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
            let output = activations.output + b * (image + width)
            output.update(from: weights + classToken, count: width)
            (output + width).update(from: activations.projected + b * image, count: image)
            if let positionTable { add(weights + positionTable, accumulatingInto: output, count: image + width) }
        }
        pass.dropEmbedding(activations.output, width: width, site: site)
    }

    /// Computes the backward pass; all gradients of the layer are overwritten.
    ///
    /// - Parameter outputGradient: [B, T, C]; undefined afterwards.
    package func backward(
        outputGradient: UnsafeMutablePointer<Float>, _ activations: Activations, _ pass: Pass<Element>
    ) {
        let (image, workspace, gradients) = (patchCount * width, pass.context.workspace, pass.context.gradients)
        pass.context.dropouts.embedding?.apply(
            outputGradient, sequences: pass.sequences, elements: pass.positions * width, site: site)
        if let positionTable {
            positionEmbeddingBackward(
                outputGradient: outputGradient, into: gradients + positionTable, sum: workspace.floats(.sums, width),
                sequences: pass.sequences, positions: pass.positions, width: width)
        }
        // The rows of class tokens and the rows of patches, each gathered contiguously.
        let classRows = workspace.floats(.innerGradient, pass.rows * width)
        let patchRows = classRows + pass.sequences * width
        for b in 0..<pass.sequences {
            let source = outputGradient + b * (image + width)
            (classRows + b * width).update(from: source, count: width)
            (patchRows + b * image).update(from: source + width, count: image)
        }
        biasGradient(classRows, into: gradients + classToken, rows: pass.sequences, columns: width)
        projection.backward(
            activations.patches, outputGradient: patchRows, inputGradient: nil, rows: pass.sequences * patchCount,
            pass.context)
    }
}
