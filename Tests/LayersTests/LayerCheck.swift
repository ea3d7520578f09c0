import Layers
import Tensors
import TestSupport
import Testing

/// The buffers that a layer runs with: Float32 memory that is valid during the run.
struct LayerRun {
    let input: UnsafeMutablePointer<Float>
    let output: UnsafeMutablePointer<Float>
    let outputGradient: UnsafeMutablePointer<Float>
    let inputGradient: UnsafeMutablePointer<Float>
    let weights: UnsafeMutablePointer<Float>
    let gradients: UnsafeMutablePointer<Float>
    let activations: ActivationArena
    let workspace: Workspace

    /// The parameters, their gradients and `dropouts`.
    func context(_ dropouts: Dropouts = .none) -> LayerContext<Float> {
        LayerContext(weights: weights, gradients: gradients, dropouts: dropouts, workspace)
    }
}

/// Expects a layer's output to equal the reference's, and its gradients of Σ output · outputGradient, with respect to
/// the input and every parameter, to equal finite differences of the reference.
///
/// - Parameters:
///   - run: Fills `output`, `inputGradient` (initially zero) and `gradients` (initially NaN).
///   - reference: Computes the output from the named parameters and the input.
func checkLayer(
    _ layout: ParameterLayout, inputCount: Int, outputCount: Int, sourceLocation: SourceLocation = #_sourceLocation,
    run: (LayerRun) -> Void, reference: (_ parameters: [String: [Double]], _ input: [Double]) -> [Double]
) {
    let arena: Arena<Float> = layout.randomArena(Float.self, seed: 100, deviation: 0.5)
    let gradients = Arena<Float>(count: layout.count)
    gradients.base.update(repeating: .nan, count: layout.count)
    let parameters = layout.named(arena)
    let input = normals(inputCount, seed: 1)
    let outputGradient = normals(outputCount, seed: 2)
    // The error bound of sums of some dozen terms of magnitude 1 to 10, each rounded a few times.
    let tolerance = 128 * Float.unitRoundoff

    withTestMemory(sourceLocation: sourceLocation) { memory in
        let layerRun = LayerRun(
            input: memory.numbers(input, Float.self), output: memory.output(outputCount, Float.self),
            outputGradient: memory.numbers(outputGradient, Float.self),
            inputGradient: memory.numbers([Double](repeating: 0, count: inputCount), Float.self), weights: arena.base,
            gradients: gradients.base, activations: ActivationArena(), workspace: Workspace())
        withExtendedLifetime((arena, gradients, layerRun)) {
            run(layerRun)
            expectClose(
                array(layerRun.output, outputCount), reference(parameters, input), absolute: tolerance,
                relative: tolerance, "output", sourceLocation: sourceLocation)
            checkGradients(
                array(layerRun.inputGradient, inputCount), at: input, tolerance: tolerance, "input",
                sourceLocation: sourceLocation
            ) { Reference.dot(reference(parameters, $0), outputGradient) }
        }
    }
    let actual = layout.named(gradients)
    for parameter in layout.parameters {
        checkGradients(
            actual[parameter.name]!, at: parameters[parameter.name]!, tolerance: tolerance, parameter.name,
            sourceLocation: sourceLocation
        ) { moved in
            var parameters = parameters
            parameters[parameter.name] = moved
            return Reference.dot(reference(parameters, input), outputGradient)
        }
    }
}
