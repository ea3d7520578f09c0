import Checkpoints
import Failures
import Numbers
import Settings
import Tensors

/// The name of a checkpoint's weight file.
package let modelFileName = "model.safetensors"
/// The name of a checkpoint's file with the moving average of the weights, if the run has one: Float32, same tensor
/// names.
package let averagedFileName = "model-ema.safetensors"

/// The set of weights of a checkpoint to use.
package enum WeightChoice: String, CaseIterable, Sendable {
    /// The exponential moving average of the weights.
    case average
    /// The weights after the last step.
    case last
}

/// The name prefix of Float32 master weights, which are stored with the optimizer state of a run in Float16 or
/// bfloat16.
package let masterPrefix = "master/"

/// An arena whose parameters are stored in a file under their names.
package struct NamedArena {
    private let layout: ParameterLayout
    private let type: TensorType
    private let bytes: (Range<Int>) -> UnsafeMutableRawBufferPointer

    /// Creates a named view of `arena`, whose parameters are those of `layout`.
    package init<Element: Storage>(_ arena: Arena<Element>, _ layout: ParameterLayout) {
        self.layout = layout
        type = TensorType(Element.format)
        bytes = arena.bytes(of:)
    }

    /// The parameters as sources of a write.
    package var sources: [TensorSource] {
        layout.parameters.map {
            TensorSource(
                name: $0.name, type: type, shape: $0.shape, bytes: UnsafeRawBufferPointer(bytes($0.range)))
        }
    }

    /// The parameters as destinations of a read.
    package var destinations: [TensorDestination] {
        layout.parameters.map {
            TensorDestination(name: $0.name, type: type, shape: $0.shape, bytes: bytes($0.range))
        }
    }
}

/// Reads a checkpoint's model into `weights` in Float32, whatever type it was trained in. Adapters are merged into the
/// weights of their base.
///
/// - Parameters:
///   - layout: The layout of the whole model.
///   - choice: The weights to read; nil: the moving average if there is one.
///   - base: The directory of an adapter's base; nil: the one that the checkpoint records.
/// - Throws: `usage` if the average is requested but missing; `badData` if a file is damaged, or if the base of an
///   adapter is missing or another one.
package func loadWeights(
    _ checkpoint: Checkpoint, _ identity: CheckpointIdentity, _ layout: ParameterLayout, into weights: Arena<Float>,
    _ choice: WeightChoice?, base: String? = nil
) throws(Failure) {
    guard let reference = identity.base else {
        return try loadTrained(checkpoint, layout, into: weights, precision: identity.configuration.precision, choice)
    }
    let adapted = identity.layout
    let adapters = Arena<Float>(count: adapted.trained.count)
    try loadTrained(
        checkpoint, adapted.trained, into: adapters, precision: identity.configuration.precision, choice)
    let frozen = try reference.open(for: checkpoint.directory, at: base)
    try frozen.verify()
    try PreciseWeights(frozen, layout.parameters).read(layout, into: weights)
    for adapter in adapted.adapters { adapter.merge(adapters.base, into: weights.base) }
}

/// Reads the trained weights of a checkpoint in Float32: those of the model or, of an adapter, those of the adapters.
///
/// - Parameter layout: The layout of the trained weights.
package func loadTrained(
    _ checkpoint: Checkpoint, _ layout: ParameterLayout, into weights: Arena<Float>, precision: Configuration.Precision,
    _ choice: WeightChoice?
) throws(Failure) {
    if try checkpoint.holdsAverage(for: choice) {
        return try checkpoint.loadTensors(averagedFileName, into: NamedArena(weights, layout).destinations)
    }
    func load<Element: Storage>(storedAs _: Element.Type) throws(Failure) {
        let stored = weights as? Arena<Element> ?? Arena<Element>(count: layout.count)
        try checkpoint.loadTensors(modelFileName, into: NamedArena(stored, layout).destinations)
        if Element.self != Float.self { convert(UnsafePointer(stored.base), into: weights.base, count: layout.count) }
    }
    switch precision {
    case .float32: try load(storedAs: Float.self)
    case .float16: try load(storedAs: Float16.self)
    case .bfloat16: try load(storedAs: BFloat16.self)
    }
}
