import Kernels
import Layers
import Tensors
import TestSupport
import Testing

// B images, P patches per image, N values per patch, C hidden size.

@Suite struct PatchEmbeddingTests {
    private static let (B, P, N, C) = (2, 4, 6, 5)

    @Test(arguments: [true, false], [true, false])
    func equalsTheReference(learnsPositions: Bool, distills: Bool) {
        let (B, P, N, C) = (PatchEmbeddingTests.B, PatchEmbeddingTests.P, PatchEmbeddingTests.N, PatchEmbeddingTests.C)
        let T = P + (distills ? 2 : 1)
        var layout = ParameterLayout()
        layout.beginSection()
        let layer = PatchEmbedding<Float>(
            patchCount: P, patchWidth: N, width: C, distills: distills, learnsPositions: learnsPositions,
            WeightInitialization(.xavier),
            initializer: .zeros, site: 3, in: &layout)
        let positionName = "position_embedding.weight"
        #expect(layout.parameters.contains { $0.name == positionName } == learnsPositions)
        let patches = normals(B * P * N, seed: 3)
        checkLayer(layout, inputCount: 0, outputCount: B * T * C) { run in
            withTestMemory { memory in
                let pass = Pass(sequences: B, positions: T, mask: AttentionMask(isCausal: false), run.context())
                let activations = layer.takeActivations(sequences: B, from: run.activations)
                layer.forward(memory.numbers(patches, Float.self), activations, pass)
                run.output.update(from: activations.output, count: B * T * C)
                layer.backward(
                    outputGradient: run.outputGradient, activations, pass)
            }
        } reference: { parameters, _ in
            let projected = Reference.linear(
                patches, weight: parameters["patch_embedding.weight"]!, bias: parameters["patch_embedding.bias"],
                rows: B * P, inputWidth: N)
            let places = parameters[positionName] ?? [Double](repeating: 0, count: T * C)
            return (0..<B).flatMap { b -> [Double] in
                let tokens = parameters["class_token"]! + (parameters["distillation_token"] ?? [])
                let image = tokens + projected[b * P * C..<(b + 1) * P * C]
                return zip(image, places).map { $0 + $1 }
            }
        }
    }
}
