import Kernels
import Layers
import Numbers
import Tensors

// R rows, C hidden size, V outputs, P predictions, N candidates of each: the target and the noise.

/// Predictions of few of V outputs: each tells its target from tokens of noise, by a logistic loss for each of them.
///
/// A row with a target makes a prediction from its hidden state or, with the `joinedTarget` rows before it, from the
/// mean of theirs. Only the weights of the candidates are read; the gradient of the others is 0.
struct SampledPrediction<Element: Storage> {
    /// P.
    let count: Int
    private let rows: Int
    private let head: PredictionHead<Element>
    private let context: LayerContext<Element>
    private let ends: UnsafeMutablePointer<Int32>
    private let sizes: UnsafeMutablePointer<Int32>
    private let candidates: UnsafeMutablePointer<Int32>
    private let each: Int
    /// [P, C].
    private let means: UnsafeMutablePointer<Float>
    /// [P, N]; replaced by their gradients.
    private let scores: UnsafeMutablePointer<Float>
    /// [P, N]; 1 for the target, 0 for noise.
    private let labels: UnsafeMutablePointer<Float>

    private var weights: UnsafePointer<Element> { context.weights + head.output.weight }

    /// Computes the scores of the rows of `hidden`, [R, C], that have a target.
    ///
    /// - Parameters:
    ///   - targets: [R].
    ///   - noise: [R, `noiseCount`].
    init(
        _ hidden: UnsafePointer<Element>, _ head: PredictionHead<Element>, targets: UnsafePointer<Int32>,
        noise: UnsafePointer<Int32>, noiseCount: Int, rows: Int, _ context: LayerContext<Element>
    ) {
        let workspace = context.workspace
        (self.head, self.rows, self.context, each) = (head, rows, context, noiseCount + 1)
        ends = workspace.integers(.targetRows, 2 * rows)
        sizes = ends + rows
        var (count, joined) = (0, 0)
        for row in 0..<rows {
            switch targets[row] {
            case joinedTarget: joined += 1
            case ignoredTarget: joined = 0
            default:
                (ends[count], sizes[count]) = (Int32(row), Int32(joined + 1))
                (count, joined) = (count + 1, 0)
            }
        }
        self.count = count
        candidates = workspace.integers(.candidates, count * each)
        means = workspace.floats(.gathered, count * head.inputWidth)
        scores = workspace.floats(.logits, 2 * count * each)
        labels = scores + count * each
        for prediction in 0..<count {
            let (row, first) = (Int(ends[prediction]), prediction * each)
            (candidates[first], labels[first]) = (targets[row], 1)
            for place in 0..<noiseCount {
                let token = noise[row * noiseCount + place]
                candidates[first + 1 + place] = token
                labels[first + 1 + place] = token == ignoredTarget ? Float(ignoredTarget) : 0
            }
        }
        groupMeans(hidden, ends: ends, sizes: sizes, into: means, groups: count, width: head.inputWidth)
        candidateScores(
            means, weights: context.weights + head.output.weight, candidates: candidates, into: scores,
            predictions: count, candidatesEach: each, outputs: head.outputWidth, width: head.inputWidth)
    }

    /// Computes the loss of each prediction, [P].
    func losses(into losses: UnsafeMutablePointer<Float>) {
        binaryCrossEntropy(scores, targets: labels, into: losses, rows: count, labels: each)
    }

    /// Computes the losses, and the gradients of `gradientScale` · Σ losses.
    ///
    /// - Parameter hiddenGradient: [R, C], overwritten.
    func backward(
        gradientScale: Float, losses: UnsafeMutablePointer<Float>, hiddenGradient: UnsafeMutablePointer<Float>
    ) {
        let (width, outputs, workspace) = (head.inputWidth, head.outputWidth, context.workspace)
        binaryCrossEntropyWithGradient(
            scores, targets: labels, gradientScale: gradientScale, losses: losses, rows: count, labels: each)
        if let gradients = context.gradients {
            candidateWeightGradient(
                scores, hidden: means, candidates: candidates, into: gradients + head.output.weight,
                links: workspace.integers(.links, outputs + count * each),
                sums: workspace.floats(.sums, candidateGradientParts * width), predictions: count,
                candidatesEach: each, outputs: outputs, width: width)
        }
        let meanGradient = workspace.floats(.gatheredGradient, count * width)
        candidateHiddenGradient(
            scores, weights: weights, candidates: candidates, into: meanGradient, predictions: count,
            candidatesEach: each, outputs: outputs, width: width)
        groupMeansBackward(
            meanGradient, ends: ends, sizes: sizes, into: hiddenGradient, groups: count, rows: rows, width: width)
    }
}
