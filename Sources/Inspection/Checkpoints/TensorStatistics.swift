import Checkpoints
import Failures
import Kernels
import Tensors

/// The size of a tensor's numbers.
struct TensorStatistics {
    /// The root of the mean of the squares of the finite numbers.
    let rootMeanSquare: Double
    /// The largest absolute value of the finite numbers.
    let largest: Float
    /// The number of values that are infinite or not a number.
    let nonFinite: Int
    /// The number of zeros.
    let zeros: Int
    /// The number of values.
    let count: Int

    /// Reads a tensor of floating-point numbers block by block.
    ///
    /// - Returns: nil for a tensor of other values.
    /// - Throws: `badData` or `inputOutput` if it cannot be read.
    init?(_ tensor: SafetensorsFile.Tensor, in file: borrowing SafetensorsFile) throws(Failure) {
        guard let format = tensor.type.floatFormat else { return nil }
        var (squares, largest, nonFinite, zeros, count) = (0.0, Float(0), 0, 0, 0)
        func add(_ value: Float) {
            count += 1
            guard value.isFinite else {
                nonFinite += 1
                return
            }
            if value == 0 { zeros += 1 }
            squares += Double(value) * Double(value)
            largest = max(largest, abs(value))
        }
        try file.forEachBlock(of: tensor) { bytes in
            switch format {
            case .float64: for value in bytes.bindMemory(to: Double.self) { add(Float(value)) }
            case .float32: for value in bytes.bindMemory(to: Float.self) { add(value) }
            case .float16: for value in bytes.bindMemory(to: Float16.self) { add(Float(value)) }
            case .bfloat16: for value in bytes.bindMemory(to: BFloat16.self) { add(value.float32) }
            }
        }
        rootMeanSquare = (squares / Double(max(1, count - nonFinite))).squareRoot()
        (self.largest, self.nonFinite, self.zeros, self.count) = (largest, nonFinite, zeros, count)
    }
}
