import Glibc

// R, the number of rotated columns of a head.

/// The parameters of a `RotaryTable`.
package struct RotaryAngles: Equatable, Sendable {
    /// The number of positions.
    package let positions: Int
    /// D, the head dimension.
    package let headWidth: Int
    /// R, even: the first R columns of each head are rotated, the others are not.
    package let rotatedWidth: Int
    /// θ: the unscaled frequencies are the powers θ^(−2i/R).
    package let base: Double
    package let scaling: RotaryScaling

    /// The parameters of a table for `positions` × R/2 angles.
    ///
    /// - Parameter rotatedWidth: R; nil: all D columns.
    package init(
        positions: Int, headWidth: Int, rotatedWidth: Int? = nil, base: Double = 10_000, scaling: RotaryScaling = .none
    ) {
        self.positions = positions
        self.headWidth = headWidth
        self.rotatedWidth = rotatedWidth ?? headWidth
        self.base = base
        self.scaling = scaling
    }

    /// The length of the longest sequence whose angles do not depend on its length.
    var fixedLength: Int {
        if case .dynamic(_, let originalPositions) = scaling { originalPositions } else { Int.max }
    }

    /// Returns the R/2 frequencies for sequences of `length` positions.
    package func frequencies(length: Int) -> [Double] {
        let base = base(length: length)
        return (0..<rotatedWidth / 2).map { i in
            let frequency = pow(base, -2 * Double(i) / Double(rotatedWidth))
            return switch scaling {
            case .none, .dynamic: frequency
            case .linear(let factor): frequency / factor
            case .byFrequency(let scaling): scaling.scaled(frequency)
            }
        }
    }

    private func base(length: Int) -> Double {
        guard case .dynamic(let factor, let originalPositions) = scaling, length > originalPositions else {
            return base
        }
        let stretch = factor * Double(length) / Double(originalPositions) - (factor - 1)
        return base * pow(stretch, Double(rotatedWidth) / Double(rotatedWidth - 2))
    }
}

/// The change of the rotary frequencies that extends a model to sequences longer than those it was trained with.
package enum RotaryScaling: Equatable, Sendable {
    case none
    /// Divides all frequencies by `factor`: position interpolation.
    ///
    /// - Source: Chen et al. 2023, arXiv:2306.15595.
    case linear(factor: Double)
    /// Raises the base with the length of the sequence, once this exceeds `originalPositions`, so that the highest
    /// frequency is unchanged and the lowest is divided by factor · length / originalPositions − (factor − 1).
    ///
    /// - Source: Peng et al. 2023 (YaRN), arXiv:2309.00071, section 3.3, "Dynamic NTK".
    case dynamic(factor: Double, originalPositions: Int)
    /// Divides low frequencies only.
    case byFrequency(FrequencyScaling)

    /// The scaling of Llama 3.1: waves that fit into the original context at least `highFrequency` times are unchanged,
    /// those that fit at most `lowFrequency` times are stretched by `factor`, and those between are interpolated.
    ///
    /// - Source: Grattafiori et al. 2024 (Llama 3), arXiv:2407.21783, and its released code.
    package struct FrequencyScaling: Equatable, Sendable {
        package let factor: Double
        package let lowFrequency: Double
        package let highFrequency: Double
        package let originalPositions: Int

        /// The scaling with the given parameters; `highFrequency` exceeds `lowFrequency`.
        package init(factor: Double, lowFrequency: Double, highFrequency: Double, originalPositions: Int) {
            self.factor = factor
            self.lowFrequency = lowFrequency
            self.highFrequency = highFrequency
            self.originalPositions = originalPositions
        }

        func scaled(_ frequency: Double) -> Double {
            let waves = Double(originalPositions) * frequency / (2 * Double.pi)
            let kept = min(max((waves - lowFrequency) / (highFrequency - lowFrequency), 0), 1)
            return frequency * (kept + (1 - kept) / factor)
        }
    }
}
