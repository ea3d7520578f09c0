import Tensors
import Averaging
import Datasets
import Models
import Objectives
import Optimizers
import Resources

/// All that the parts of a run read of a configuration: runs of equal ones are the same run.
///
/// Each member is what its part is built from: the model's shape, the form of samples, the schedule, the settings of the loss
/// scaler. A key that changes none of them is read by nothing, for this family, optimizer, schedule and so on;
/// `ConfigurationCheck` rejects it. A new section is a member here.
///
/// Members hold values as they are given, not what is computed from them: a value that a bound clamps or a zero cancels is
/// still read.
struct EffectiveConfiguration: Equatable {
    private let run: RunConfiguration
    private let dataDirectory: String
    private let samples: SampleForm
    private let lengthPool: Int
    private let model: ModelShape
    /// Told apart from the shape, where a width of 1 has a scale of 1.
    private let scalesEmbeddings: Bool
    private let prediction: ObjectiveConfiguration.Kind
    private let loss: Loss
    private let fineTuning: FineTuningConfiguration
    private let batch: BatchConfiguration
    private let updates: [UInt32]
    private let optimizer: OptimizerConfiguration
    private let schedule: Schedule
    private let precision: Configuration.Precision
    private let threads: ThreadCount
    private let averaging: AveragingConfiguration
    private let lossScale: LossScaleConfiguration?
    private let training: TrainingConfiguration

    /// What a run of `configuration` would be built from, on data of nominal sizes. Values need not fit each other.
    init(_ configuration: Configuration) {
        run = configuration.run
        dataDirectory = configuration.data.directory
        samples = configuration.samples
        lengthPool = configuration.data.lengthPool
        let isOfImages = configuration.model.family.architecture.input == .patches
        model = configuration.model.shape(
            configuration.sizes(
                image: isOfImages ? ImageShape(height: 224, width: 224, channels: 3) : nil, vocabularySize: 256,
                outputs: 2))
        scalesEmbeddings = !isOfImages && configuration.model.scaleEmbeddings
        prediction = configuration.prediction.kind
        loss = configuration.loss
        fineTuning = configuration.fineTuning.effective
        batch = configuration.batch
        updates = OptimizerTrial.bits(configuration.optimizer)
        optimizer = configuration.optimizer.beyondUpdates
        schedule = configuration.makeSchedule()
        precision = configuration.precision
        threads = configuration.threads
        averaging = configuration.averaging.effective(configuration.precision)
        lossScale = configuration.precision == .float16 ? configuration.lossScale : nil
        training = configuration.training.effective
    }
}

extension Configuration {
    /// Whether any other value of `key` would make another run, with all other keys as they are.
    func reads(_ key: ConfigurationKey<Configuration>) -> Bool {
        let effective = EffectiveConfiguration(self)
        return key.examples.contains { example in
            var other = self
            example(&other)
            return EffectiveConfiguration(other) != effective
        }
    }

    /// The keys that nothing reads and whose value is neither the default nor 0.
    var unreadKeys: [ConfigurationKey<Configuration>] {
        let usual = Configuration()
        return Configuration.keys.filter { key in
            let value = key.text(self)
            return ![key.text(usual), "0", "0.0"].contains(value) && !reads(key)
        }
    }
}

extension FineTuningConfiguration {
    /// Nothing is selected where nothing is loaded.
    fileprivate var effective: FineTuningConfiguration { from == nil ? FineTuningConfiguration() : self }
}

extension OptimizerConfiguration {
    /// What the coordinator and `ParameterRules` read, besides the optimizer itself.
    fileprivate var beyondUpdates: OptimizerConfiguration {
        var part = OptimizerConfiguration()
        (part.clipNorm, part.clipValue, part.groups, part.freeze) = (clipNorm, clipValue, groups, freeze)
        return part
    }
}

extension AveragingConfiguration {
    /// Gradients in shared memory are not sent, and those of Float16 are sent as they are.
    fileprivate func effective(_ precision: Configuration.Precision) -> AveragingConfiguration {
        var part = self
        if strategy == .sharedMemory || precision == .float16 { part.wire = AveragingConfiguration().wire }
        return part
    }
}

extension TrainingConfiguration {
    /// Without a limit there are no spikes, and without patience nothing waits for an improvement.
    fileprivate var effective: TrainingConfiguration {
        var (part, usual) = (self, TrainingConfiguration())
        if spikeZScore == 0 { part.spikeAction = usual.spikeAction }
        if patience == 0 { part.minDelta = usual.minDelta }
        return part
    }
}
