import Kernels

/// What is predicted, and what it costs to be wrong.
package enum Loss: Equatable, Sendable {
    /// One class or token of V: the negative log-likelihood in nats, smoothed by the share of the target that all classes have
    /// together. An output that is no class has no share.
    ///
    /// - Source: Szegedy et al. 2016, arXiv:1512.00567, section 7 (smoothing).
    case crossEntropy(smoothing: Double)
    /// Any number of V labels: the sum of each label's negative log-likelihood in nats.
    case binaryCrossEntropy
    /// V numbers: the sum of squared differences.
    case squaredError
}

/// What the rows of a batch are compared with.
package struct Targets {
    /// [R]; a class each, or `ignoredTarget`; for cross-entropy.
    package var classes: UnsafePointer<Int32>
    /// [R, V]; for the other losses.
    package var values: UnsafePointer<Float>?

    /// Targets of R rows.
    package init(classes: UnsafePointer<Int32>, values: UnsafePointer<Float>? = nil) {
        self.classes = classes
        self.values = values
    }
}

extension Loss {
    /// The loss that predictions are judged by.
    package var unsmoothed: Loss {
        if case .crossEntropy = self { .crossEntropy(smoothing: 0) } else { self }
    }

    /// The loss of each row; the first `classes` outputs can be right.
    func losses(
        _ logits: UnsafeMutablePointer<Float>, _ targets: Targets, into losses: UnsafeMutablePointer<Float>, rows: Int,
        outputs: Int, classes: Int
    ) {
        switch self {
        case .crossEntropy(let smoothing):
            Kernels.crossEntropy(
                logits, targets: targets.classes, labelSmoothing: Float(smoothing), among: classes, into: losses,
                rows: rows, vocabulary: outputs)
        case .binaryCrossEntropy:
            Kernels.binaryCrossEntropy(logits, targets: targets.values!, into: losses, rows: rows, labels: outputs)
        case .squaredError:
            Kernels.squaredError(logits, targets: targets.values!, into: losses, rows: rows, outputs: outputs)
        }
    }

    /// The loss of each row, and the gradient of `gradientScale` · Σ losses in the place of the logits.
    func lossesWithGradient(
        _ logits: UnsafeMutablePointer<Float>, _ targets: Targets, gradientScale: Float,
        into losses: UnsafeMutablePointer<Float>, rows: Int, outputs: Int, classes: Int
    ) {
        switch self {
        case .crossEntropy(let smoothing):
            crossEntropyWithGradient(
                logits, targets: targets.classes, labelSmoothing: Float(smoothing), among: classes,
                gradientScale: gradientScale, losses: losses, rows: rows, vocabulary: outputs)
        case .binaryCrossEntropy:
            binaryCrossEntropyWithGradient(
                logits, targets: targets.values!, gradientScale: gradientScale, losses: losses, rows: rows,
                labels: outputs)
        case .squaredError:
            squaredErrorWithGradient(
                logits, targets: targets.values!, gradientScale: gradientScale, losses: losses, rows: rows,
                outputs: outputs)
        }
    }
}
