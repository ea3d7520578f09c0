import Averaging
import Datasets
import Models
import Objectives
import Optimizers
import Resources
import Tensors

/// The configuration of a run; its sections correspond to those of the YAML file.
///
/// The defaults are the built-in quickstart, written out in `configs/quickstart.yaml`.
package struct Configuration: Equatable, Sendable {
    /// The data type of weights and activations.
    package enum Precision: String, CaseIterable, Sendable {
        case float32
        case float16
        case bfloat16

        /// The format in memory.
        package var format: FloatFormat {
            switch self {
            case .float32: .float32
            case .float16: .float16
            case .bfloat16: .bfloat16
            }
        }
    }

    package var run = RunConfiguration()
    package var data = DataConfiguration()
    package var model = ModelConfiguration()
    package var objective = ObjectiveConfiguration()
    package var augmentation = Augmentation()
    package var fineTuning = FineTuningConfiguration()
    package var batch = BatchConfiguration()
    package var optimizer = OptimizerConfiguration()
    package var schedule = ScheduleConfiguration()
    /// The type of working weights and activations; master weights are always Float32.
    package var precision = Precision.float32
    /// The arithmetic of matmuls.
    package var products = ProductChoice.automatic
    /// The number of compute threads per rank.
    package var threads = ThreadCount.automatic
    package var averaging = AveragingConfiguration()
    package var lossScale = LossScaleConfiguration()
    package var training = TrainingConfiguration()

    /// The built-in quickstart.
    package init() {}
}
