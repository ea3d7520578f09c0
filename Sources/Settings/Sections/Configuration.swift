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

extension Configuration {
    /// What the model is to predict.
    package var prediction: ObjectiveConfiguration.Kind {
        objective.kind == .auto ? model.family.predictions[0] : objective.kind
    }

    /// What it costs to be wrong.
    package var loss: Loss { prediction.loss(smoothing: objective.labelSmoothing) }

    /// About how many targets there are for each position of data of `sizes`.
    package func targetShare(_ sizes: ModelSizes) -> Double {
        if model.family.architecture.output == .sequence {
            // Each label of a sequence is a target.
            return Double(prediction == .multiLabel ? sizes.outputs : 1) / Double(max(1, sizes.contextLength))
        }
        switch prediction {
        case .masked: return objective.maskShare
        // Behind each span its end is predicted.
        case .infilling: return min(1, objective.maskShare * (1 + 1 / objective.spanLength))
        default: return 1
        }
    }
}

extension ModelConfiguration.Family {
    /// What a model of the family can predict; the first is the usual one.
    var predictions: [ObjectiveConfiguration.Kind] {
        switch self {
        case .decoder: [.causal]
        case .encoder: [.masked]
        case .encoderDecoder: [.sequenceToSequence]
        case .prefixDecoder: [.infilling]
        case .classifier: [.classification, .multiLabel, .regression]
        case .imageClassifier: [.classification]
        }
    }
}
