import Glibc
import Tensors
import Threads

// N points, C dimensions, K dimensions of the map.

/// t-SNE: points in K dimensions such that neighbours of the C dimensions stay neighbours.
///
/// Exact, with all pairs of points. The result is a function of the points and the seed.
///
/// - Source: van der Maaten & Hinton 2008, "Visualizing data using t-SNE", algorithm 1, with its early exaggeration and
///   gains; a learning rate of N / 12: Belkina et al. 2019, doi:10.1038/s41467-019-13055-y.
package struct NeighbourEmbedding: Sendable {
    /// [N, K].
    package private(set) var points: [Double]
    /// [N, N]; the joint probability of each pair in the C dimensions; the sum is 1.
    let probabilities: [Double]
    private let count: Int
    private let dimensions: Int

    /// The number of steps with probabilities that are multiplied by `exaggeration`.
    private static let earlySteps = 250
    private static let exaggeration = 12.0

    /// Prepares the map of `values`, [N, C].
    ///
    /// - Parameters:
    ///   - dimensions: K.
    ///   - perplexity: The effective number of neighbours of a point; at most (N − 1) / 3.
    package init(_ values: [Double], width: Int, dimensions: Int, perplexity: Double, seed: UInt64) {
        count = values.count / width
        self.dimensions = dimensions
        let limit = max(1, min(perplexity, Double(count - 1) / 3))
        probabilities = NeighbourEmbedding.jointProbabilities(values, count: count, width: width, limit)
        var start = [Float](repeating: 0, count: count * dimensions)
        start.withUnsafeMutableBufferPointer {
            fillNormal($0, from: 0, RandomStream(seed: seed, purpose: .projection), 1e-4)
        }
        points = start.map(Double.init)
    }

    /// Improves the map by `steps` steps of gradient descent.
    ///
    /// - Complexity: O(steps · N² · K).
    package mutating func run(steps: Int) {
        var velocity = [Double](repeating: 0, count: points.count)
        var gains = [Double](repeating: 1, count: points.count)
        let rate = max(50, Double(count) / NeighbourEmbedding.exaggeration)
        for step in 0..<steps {
            let isEarly = step < min(NeighbourEmbedding.earlySteps, steps / 4)
            let gradient = gradient(exaggeration: isEarly ? NeighbourEmbedding.exaggeration : 1)
            let momentum = isEarly ? 0.5 : 0.8
            for place in points.indices {
                let agrees = (gradient[place] > 0) == (velocity[place] > 0)
                gains[place] = max(0.01, agrees ? gains[place] * 0.8 : gains[place] + 0.2)
                velocity[place] = momentum * velocity[place] - rate * gains[place] * gradient[place]
                points[place] += velocity[place]
            }
            centre()
        }
    }

    /// Moves the points to `places`, [N, K].
    mutating func place(_ places: [Double]) { points = places }

    /// KL(P ‖ Q), in nats.
    package var divergence: Double {
        let (weights, sum) = kernel()
        var divergence = 0.0
        for place in probabilities.indices where probabilities[place] > 0 {
            divergence += probabilities[place] * log(probabilities[place] * sum / weights[place])
        }
        return divergence
    }

    /// The gradient of the divergence, [N, K].
    func gradient(exaggeration: Double = 1) -> [Double] {
        let (weights, sum) = kernel()
        var gradient = [Double](repeating: 0, count: points.count)
        let (count, K) = (count, dimensions)
        points.withUnsafeBufferPointer { y in
            weights.withUnsafeBufferPointer { w in
                probabilities.withUnsafeBufferPointer { p in
                    gradient.withUnsafeMutableBufferPointer { gradient in
                        let target = gradient.baseAddress!
                        parallel(count) { i in
                            for j in 0..<count {
                                let weight = w[i * count + j]
                                let factor = 4 * (exaggeration * p[i * count + j] - weight / sum) * weight
                                for k in 0..<K { target[i * K + k] += factor * (y[i * K + k] - y[j * K + k]) }
                            }
                        }
                    }
                }
            }
        }
        return gradient
    }

    /// 1 / (1 + ‖yᵢ − yⱼ‖²) for each pair, [N, N], 0 on the diagonal, and their sum.
    private func kernel() -> (weights: [Double], sum: Double) {
        let (count, K) = (count, dimensions)
        var weights = [Double](repeating: 0, count: count * count)
        var sums = [Double](repeating: 0, count: count)
        points.withUnsafeBufferPointer { y in
            weights.withUnsafeMutableBufferPointer { weights in
                sums.withUnsafeMutableBufferPointer { sums in
                    let (w, s) = (weights.baseAddress!, sums.baseAddress!)
                    parallel(count) { i in
                        for j in 0..<count where j != i {
                            var distance = 0.0
                            for k in 0..<K {
                                let difference = y[i * K + k] - y[j * K + k]
                                distance += difference * difference
                            }
                            w[i * count + j] = 1 / (1 + distance)
                            s[i] += w[i * count + j]
                        }
                    }
                }
            }
        }
        return (weights, sums.reduce(0, +))
    }

    private mutating func centre() {
        for k in 0..<dimensions {
            let places = stride(from: k, to: points.count, by: dimensions)
            let mean = places.reduce(0) { $0 + points[$1] } / Double(count)
            for place in places { points[place] -= mean }
        }
    }

    /// The symmetric probabilities of pairs: Gaussians around each point whose perplexity is `perplexity`.
    private static func jointProbabilities(
        _ values: [Double], count: Int, width: Int, _ perplexity: Double
    ) -> [Double] {
        var conditional = [Double](repeating: 0, count: count * count)
        values.withUnsafeBufferPointer { x in
            conditional.withUnsafeMutableBufferPointer { conditional in
                let target = conditional.baseAddress!
                parallel(count) { i in
                    var distances = [Double](repeating: 0, count: count)
                    for j in 0..<count where j != i {
                        for column in 0..<width {
                            let difference = x[i * width + column] - x[j * width + column]
                            distances[j] += difference * difference
                        }
                    }
                    let row = gaussian(distances, around: i, entropy: log(perplexity))
                    for j in 0..<count { target[i * count + j] = row[j] }
                }
            }
        }
        return (0..<count * count).map { place in
            let (i, j) = (place / count, place % count)
            return (conditional[place] + conditional[j * count + i]) / Double(2 * count)
        }
    }

    /// The probabilities ∝ e^(−β · distance) of the other points, with β such that their entropy is `entropy` nats.
    private static func gaussian(_ distances: [Double], around i: Int, entropy: Double) -> [Double] {
        let others = distances.indices.filter { $0 != i }
        guard let nearest = others.map({ distances[$0] }).min() else { return distances }
        let scale = others.reduce(0) { $0 + distances[$1] - nearest } / Double(others.count)
        var (low, high, beta) = (0.0, Double.infinity, scale > 0 ? 1 / scale : 1)
        var row = [Double](repeating: 0, count: distances.count)
        for _ in 0..<64 {
            var (sum, weighted) = (0.0, 0.0)
            for j in others {
                row[j] = exp(-beta * (distances[j] - nearest))
                sum += row[j]
                weighted += row[j] * (distances[j] - nearest)
            }
            for j in others { row[j] /= sum }
            let found = log(sum) + beta * weighted / sum
            if abs(found - entropy) < 1e-7 { break }
            if found > entropy { low = beta } else { high = beta }
            beta = high.isInfinite ? 2 * beta : (low + high) / 2
        }
        return row
    }
}
