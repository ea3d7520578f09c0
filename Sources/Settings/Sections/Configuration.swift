import Averaging
import Datasets
import Models
import Objectives
import Optimizers
import Resources

/// All that a person decides about a run; its sections are those of the YAML, one to one.
///
/// The defaults are the built-in quickstart, which `configs/quickstart.yaml` spells out.
package struct Configuration: Equatable, Sendable {
    /// The type of numbers.
    package enum Precision: String, CaseIterable, Sendable {
        case float32
        case float16
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
    /// The threads that a rank computes with.
    package var threads = ThreadCount.automatic
    package var averaging = AveragingConfiguration()
    package var lossScale = LossScaleConfiguration()
    package var training = TrainingConfiguration()

    /// The built-in quickstart.
    package init() {}
}
