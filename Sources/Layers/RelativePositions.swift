import Glibc
import Kernels
import Numbers
import Tensors

// B sequences, H query heads, P positions, N buckets.

/// The parameters of a stack's relative position biases.
package struct RelativeShape: Equatable, Sendable {
    /// N, the number of buckets of distances.
    package let buckets: Int
    /// The distance from which on all are in the last bucket.
    package let distanceLimit: Int
    /// Whether positions also attend to later ones, whose distances then have half of the buckets.
    package let isBidirectional: Bool
    /// P, the largest number of positions.
    package let positions: Int
    package let initializer: Initializer

    /// A shape with the given properties.
    package init(
        buckets: Int, distanceLimit: Int, isBidirectional: Bool, positions: Int, initializer: Initializer
    ) {
        self.buckets = buckets
        self.distanceLimit = distanceLimit
        self.isBidirectional = isBidirectional
        self.positions = positions
        self.initializer = initializer
    }

    /// Returns the bucket of the distance `key` − `query`: small distances have a bucket each, larger ones share
    /// buckets whose widths grow exponentially.
    package func bucket(_ distance: Int) -> Int {
        let own = isBidirectional ? buckets / 2 : buckets
        let offset = isBidirectional && distance > 0 ? own : 0
        let magnitude = isBidirectional ? abs(distance) : max(0, -distance)
        let exact = own / 2
        if magnitude < exact { return offset + magnitude }
        // In Float32, like the original, which decides to which bucket a distance at a border belongs.
        let ratio = logf(Float(magnitude) / Float(exact)) / Float(log(Double(distanceLimit) / Double(exact)))
        return offset + min(exact + Int(ratio * Float(own - exact)), own - 1)
    }
}

/// Learned biases of self-attention scores by head and by bucket of distances, shared by the blocks of a stack.
///
/// - Source: Raffel et al. 2020 (T5), arXiv:1910.10683, section 2.1, and its released code.
struct RelativePositions<Element: Storage> {
    private let shape: RelativeShape
    private let headCount: Int
    /// The offset of the table, [N, H].
    private let table: Int
    /// [2P − 1]; the bucket of each distance from −(P − 1) on.
    private let buckets: [Int]

    /// Declares `name`relative_bias.weight, [N, H].
    init(_ name: String, _ shape: RelativeShape, headCount: Int, in layout: inout ParameterLayout) {
        self.shape = shape
        self.headCount = headCount
        table = layout.declare(
            "\(name)relative_bias.weight", [shape.buckets, headCount], shape.initializer, decays: true)
        buckets = (1 - shape.positions..<shape.positions).map(shape.bucket)
    }

    /// 2P − 1, the number of distances.
    private var distances: Int { buckets.count }

    /// Allocates the biases of all distances, [H, 2P − 1].
    func takeBiases(from arena: ActivationArena) -> UnsafeMutablePointer<Float> {
        arena.take(Float.self, headCount * distances)
    }

    /// Computes the biases of all distances.
    func forward(into biases: UnsafeMutablePointer<Float>, _ context: LayerContext<Element>) -> DistanceBiases {
        let weights = context.weights + table
        for place in 0..<distances {
            let row = weights + buckets[place] * headCount
            for head in 0..<headCount { biases[head * distances + place] = row[head].float32 }
        }
        return DistanceBiases(biases, positions: shape.positions)
    }

    /// Returns zeros for the gradients of the biases of each of `sequences` sequences, [B, H, 2P − 1].
    func clearedGradients(sequences: Int, _ context: LayerContext<Element>) -> UnsafeMutablePointer<Float> {
        let count = sequences * headCount * distances
        let gradients = context.workspace.floats(.biasGradients, count)
        gradients.update(repeating: 0, count: count)
        return gradients
    }

    /// Overwrites the table's gradient with the sums of `gradients`, in the order of the sequences, unless it is
    /// frozen.
    func backward(_ gradients: UnsafePointer<Float>, sequences: Int, _ context: LayerContext<Element>) {
        guard let tableGradients = context.gradients else { return }
        let sums = context.workspace.floats(.sums, shape.buckets * headCount)
        sums.update(repeating: 0, count: shape.buckets * headCount)
        for sequence in 0..<sequences {
            for head in 0..<headCount {
                let row = gradients + (sequence * headCount + head) * distances
                for place in 0..<distances {
                    sums[buckets[place] * headCount + head] += row[place]
                }
            }
        }
        convert(UnsafePointer(sums), into: tableGradients + table, count: shape.buckets * headCount)
    }
}
