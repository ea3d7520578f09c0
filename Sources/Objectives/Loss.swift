import Kernels
import Tensors

/// The loss function of a prediction.
package enum Loss: Equatable, Sendable {
    /// Negative log-likelihood of one of V classes or tokens, in nats, with label smoothing: `smoothing` is the
    /// probability mass spread evenly over all classes. Outputs that are not a class get no mass.
    ///
    /// - Source: Szegedy et al. 2016, arXiv:1512.00567, section 7 (smoothing).
    case crossEntropy(smoothing: Double)
    /// Any number of V labels: the sum of the labels' negative log-likelihoods, in nats.
    case binaryCrossEntropy
    /// V real values: the sum of squared differences.
    case squaredError
    /// Negative sampling: the negative log-likelihood, in nats, of telling a token from tokens of noise.
    ///
    /// - Source: Mikolov et al. 2013, arXiv:1310.4546, eq. 4.
    case negativeSampling
}

extension Loss {
    /// The kind of a row's target, which decides how outputs become predictions and scores.
    package enum TargetKind: Sendable {
        /// One of several classes or tokens.
        case classIndex
        /// Any number of labels, each 0 or 1.
        case labels
        /// Real values.
        case numbers
    }

    /// The kind of the targets.
    package var targetKind: TargetKind {
        switch self {
        case .crossEntropy, .negativeSampling: .classIndex
        case .binaryCrossEntropy: .labels
        case .squaredError: .numbers
        }
    }

    /// The loss without label smoothing, which evaluations use.
    package var unsmoothed: Loss {
        if case .crossEntropy = self { .crossEntropy(smoothing: 0) } else { self }
    }

    /// Computes the loss of each row; only the first `classes` outputs can be targets.
    func losses(
        _ logits: UnsafeMutablePointer<Float>, _ targets: Targets, into losses: UnsafeMutablePointer<Float>, rows: Int,
        outputs: Int, classes: Int
    ) {
        switch (self, targets) {
        case (.crossEntropy(let smoothing), .classes(let targets)):
            Kernels.crossEntropy(
                logits, targets: targets, labelSmoothing: Float(smoothing), among: classes, into: losses, rows: rows,
                vocabulary: outputs)
        case (.binaryCrossEntropy, .values(let targets)):
            Kernels.binaryCrossEntropy(logits, targets: targets, into: losses, rows: rows, labels: outputs)
        case (.squaredError, .values(let targets)):
            Kernels.squaredError(logits, targets: targets, into: losses, rows: rows, outputs: outputs)
        default: preconditionFailure("the targets belong to another loss")
        }
    }

    /// Computes the loss of each row and overwrites the logits by the gradient of `gradientScale` · Σ losses.
    func lossesWithGradient(
        _ logits: UnsafeMutablePointer<Float>, _ targets: Targets, gradientScale: Float,
        into losses: UnsafeMutablePointer<Float>, rows: Int, outputs: Int, classes: Int
    ) {
        switch (self, targets) {
        case (.crossEntropy(let smoothing), .classes(let targets)):
            crossEntropyWithGradient(
                logits, targets: targets, labelSmoothing: Float(smoothing), among: classes,
                gradientScale: gradientScale, losses: losses, rows: rows, vocabulary: outputs)
        case (.binaryCrossEntropy, .values(let targets)):
            binaryCrossEntropyWithGradient(
                logits, targets: targets, gradientScale: gradientScale, losses: losses, rows: rows, labels: outputs)
        case (.squaredError, .values(let targets)):
            squaredErrorWithGradient(
                logits, targets: targets, gradientScale: gradientScale, losses: losses, rows: rows, outputs: outputs)
        default: preconditionFailure("the targets belong to another loss")
        }
    }
}
