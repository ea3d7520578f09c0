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
    private let groups: RowGroups
    private let candidates: Candidates
    /// [P, N]; scores, then their gradients.
    private let scores: UnsafeMutablePointer<Float>
    /// [P, N]; 1 for the target, 0 for noise.
    private let labels: UnsafeMutablePointer<Float>

    private var weights: UnsafePointer<Element> { context.weights + head.output.weight }

    /// The predictions of the rows of `hidden`, [R, C], that have a target.
    ///
    /// - Parameters:
    ///   - targets: [R].
    ///   - noise: [R, `noiseCount`].
    init(
        _ hidden: UnsafePointer<Element>, _ head: PredictionHead<Element>, targets: UnsafePointer<Int32>,
        noise: UnsafePointer<Int32>, noiseCount: Int, rows: Int, _ context: LayerContext<Element>
    ) {
        let (workspace, each, width) = (context.workspace, noiseCount + 1, head.inputWidth)
        (self.head, self.rows, self.context) = (head, rows, context)
        let ends = workspace.integers(.targetRows, 3 * rows)
        let (sizes, numbers) = (ends + rows, ends + 2 * rows)
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
        groups = RowGroups(ends: ends, sizes: sizes, count: count)
        let outputs = workspace.integers(.candidates, count * each)
        scores = workspace.floats(.logits, 2 * count * each)
        labels = scores + count * each
        for prediction in 0..<count {
            let (row, first) = (Int(ends[prediction]), prediction * each)
            (outputs[first], labels[first]) = (targets[row], 1)
            for place in 0..<noiseCount {
                let token = noise[row * noiseCount + place]
                outputs[first + 1 + place] = token
                labels[first + 1 + place] = token == ignoredTarget ? Float(ignoredTarget) : 0
            }
        }
        let means = workspace.floats(.gathered, count * width)
        groupMeans(hidden, groups, into: means, numbers: numbers, width: width)
        candidates = Candidates(
            hidden: means, rows: numbers, outputs: outputs, count: count, each: each, outputCount: head.outputWidth,
            width: width)
    }

    /// Computes the loss of each prediction, [P].
    func losses(into losses: UnsafeMutablePointer<Float>) {
        candidateLosses(candidates, weights: weights, labels: labels, scores: scores, into: losses)
    }

    /// Computes the losses, and the gradients of `gradientScale` · Σ losses.
    ///
    /// - Parameter hiddenGradient: [R, C], overwritten.
    func backward(
        gradientScale: Float, losses: UnsafeMutablePointer<Float>, hiddenGradient: UnsafeMutablePointer<Float>
    ) {
        let (width, workspace) = (head.inputWidth, context.workspace)
        // The gradient of a mean of one row is that of the row.
        let areRows = groups.areSingle
        let gradient = areRows ? hiddenGradient : workspace.floats(.gatheredGradient, count * width)
        candidateLossesWithGradient(
            candidates, weights: weights, labels: labels, gradientScale: gradientScale, coefficients: scores,
            losses: losses, into: gradient, gradientRows: areRows ? groups.ends : nil)
        if areRows {
            clearRows(outside: groups, hiddenGradient, rows: rows, width: width)
        } else {
            groupMeansBackward(gradient, groups, into: hiddenGradient, rows: rows, width: width)
        }
        guard let gradients = context.gradients else { return }
        candidateWeightGradient(
            candidates, coefficients: scores, into: gradients + head.output.weight,
            places: workspace.integers(
                .links, candidatePlaceCount(places: count * candidates.each, outputs: head.outputWidth)),
            sums: workspace.floats(.sums, candidateGradientParts * width))
    }
}
