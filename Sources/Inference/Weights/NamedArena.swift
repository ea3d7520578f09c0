import Checkpoints
import Failures
import Kernels
import Settings
import Tensors

/// The model's weights in a checkpoint.
package let modelFileName = "model.safetensors"
/// The moving average of the model's weights in a checkpoint of a training that has one: Float32 under the same names.
package let averagedFileName = "model-ema.safetensors"

/// Which of the weights in a checkpoint are used.
package enum WeightChoice: String, CaseIterable, Sendable {
    /// Those of the last step.
    case last
    /// Their moving average.
    case average
}

/// What the names of the Float32 weights of a run in Float16 begin with, beside the optimizer's state.
package let masterPrefix = "master/"

/// An arena whose parameters stand in a file under a prefix.
package struct NamedArena {
    private let layout: ParameterLayout
    private let prefix: String
    private let type: TensorType
    private let bytes: (Range<Int>) -> UnsafeMutableRawBufferPointer

    /// An arena of `layout`.
    package init<Element: Storage>(_ arena: Arena<Element>, _ layout: ParameterLayout, prefix: String = "") {
        self.layout = layout
        self.prefix = prefix
        type = Element.self == Float.self ? .float32 : .float16
        bytes = arena.bytes(of:)
    }

    /// Its parameters, to be written.
    package var sources: [TensorSource] {
        layout.parameters.map {
            TensorSource(
                name: prefix + $0.name, type: type, shape: $0.shape, bytes: UnsafeRawBufferPointer(bytes($0.range)))
        }
    }

    /// Its parameters, to be read.
    package var destinations: [TensorDestination] {
        layout.parameters.map {
            TensorDestination(name: prefix + $0.name, type: type, shape: $0.shape, bytes: bytes($0.range))
        }
    }
}

/// Fills `weights` with a checkpoint's model in Float32, whatever it was trained in.
///
/// - Parameter choice: nil for the average where there is one.
/// - Throws: `usage` where the average is asked for and there is none.
func loadWeights(
    _ checkpoint: Checkpoint, _ layout: ParameterLayout, into weights: Arena<Float>, precision: Configuration.Precision,
    _ choice: WeightChoice?
) throws(Failure) {
    let hasAverage = checkpoint.tensorFileNames.contains(averagedFileName)
    if choice == .average, !hasAverage {
        throw Failure(
            .usage,
            "\(checkpoint.directory): holds no averaged weights, because training.ema_decay was 0. "
                + "Allowed: --weights last")
    }
    if hasAverage, choice != .last {
        return try checkpoint.loadTensors(averagedFileName, into: NamedArena(weights, layout).destinations)
    }
    switch precision {
    case .float32: try checkpoint.loadTensors(modelFileName, into: NamedArena(weights, layout).destinations)
    case .float16:
        let halves = Arena<Float16>(count: layout.count)
        try checkpoint.loadTensors(modelFileName, into: NamedArena(halves, layout).destinations)
        convert(UnsafePointer(halves.base), into: weights.base, count: layout.count)
    }
}
