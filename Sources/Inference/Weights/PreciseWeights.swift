import Checkpoints
import Failures
import Numbers
import Tensors

/// The weights of a checkpoint in Float32, from the file that stores them with the highest precision: the moving
/// average if there is one, otherwise the master weights, which a run in Float16 or bfloat16 stores with the optimizer
/// state.
package struct PreciseWeights {
    private let checkpoint: Checkpoint
    /// The file, and the prefix of the names in it.
    private let source: (file: String, prefix: String)
    /// Whether these are the moving average.
    package let areAveraged: Bool

    /// Finds the file with the given parameters.
    ///
    /// - Parameter choice: The weights to read; nil: the moving average if there is one.
    /// - Throws: `usage` if the average is requested but missing; `badData` if a file is damaged.
    package init(
        _ checkpoint: Checkpoint, _ parameters: [Parameter], _ choice: WeightChoice? = nil
    ) throws(Failure) {
        self.checkpoint = checkpoint
        areAveraged = try checkpoint.holdsAverage(for: choice)
        source = try areAveraged ? (averagedFileName, "") : PreciseWeights.trained(checkpoint, parameters)
    }

    /// The file with the weights after the last step, and the prefix of the names in it.
    private static func trained(
        _ checkpoint: Checkpoint, _ parameters: [Parameter]
    ) throws(Failure) -> (file: String, prefix: String) {
        for name in checkpoint.tensorFileNames where ![modelFileName, averagedFileName].contains(name) {
            let file = try checkpoint.openTensors(name)
            if parameters.allSatisfy({ file[masterPrefix + $0.name]?.shape == $0.shape }) {
                return (name, masterPrefix)
            }
        }
        return (modelFileName, "")
    }

    /// Reads a parameter.
    ///
    /// - Throws: `badData` if the file has no such tensor of that shape.
    package func read(_ parameter: Parameter, into target: UnsafeMutableBufferPointer<Float>) throws(Failure) {
        let file = try checkpoint.openTensors(source.file)
        let name = source.prefix + parameter.name
        func read<Element: Storage>(storedAs _: Element.Type) throws(Failure) {
            let stored = UnsafeMutableBufferPointer<Element>.allocate(capacity: target.count)
            defer { stored.deallocate() }
            try file.read(
                into: TensorDestination(
                    name: name, type: TensorType(Element.format), shape: parameter.shape,
                    bytes: UnsafeMutableRawBufferPointer(stored)))
            convert(UnsafePointer(stored.baseAddress!), into: target.baseAddress!, count: target.count)
        }
        switch file[name]?.type {
        case .float16: try read(storedAs: Float16.self)
        case .bfloat16: try read(storedAs: BFloat16.self)
        default:
            try file.read(
                into: TensorDestination(
                    name: name, type: .float32, shape: parameter.shape, bytes: UnsafeMutableRawBufferPointer(target)))
        }
    }

    /// Reads all parameters of `layout` into `weights`.
    package func read(_ layout: ParameterLayout, into weights: Arena<Float>) throws(Failure) {
        for parameter in layout.parameters {
            try read(
                parameter,
                into: UnsafeMutableBufferPointer(start: weights.base + parameter.offset, count: parameter.count))
        }
    }
}

extension Checkpoint {
    /// Whether `choice` means the moving average of the weights.
    ///
    /// - Parameter choice: nil: the moving average if there is one.
    /// - Throws: `usage` if the average is requested but missing.
    func holdsAverage(for choice: WeightChoice?) throws(Failure) -> Bool {
        let hasAverage = tensorFileNames.contains(averagedFileName)
        if choice == .average, !hasAverage {
            throw Failure(
                .usage,
                "\(directory): holds no averaged weights, because training.ema_decay was 0. Allowed: --weights last")
        }
        return hasAverage && choice != .last
    }
}
