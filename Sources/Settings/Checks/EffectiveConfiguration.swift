import Tensors
import Averaging
import Models
import Objectives
import Optimizers
import Resources

/// All values that a run reads of its configuration: two configurations with equal values describe the same run.
///
/// Each member is the input of one part of a run: the model's shape, the form of samples, the schedule, the settings of
/// the loss scaler. If a key changes no member, it has no effect for this family, optimizer, schedule and so on, and
/// `ConfigurationCheck` rejects it. A new configuration section needs a member here.
///
/// Members hold values as they are given, not results computed from them: a key counts as having an effect even if a
/// bound clamps its value or a zero cancels it.
struct EffectiveConfiguration: Equatable {
    private let run: RunConfiguration
    private let dataDirectory: String
    private let mixture: [MixturePart]
    private let samples: SampleForm
    private let lengthPool: Int
    private let model: ModelShape
    /// Not derived from `model`: at width 1 their scales are 1 with and without `scale_embeddings` and `scale_head`.
    private let scalesEmbeddings: Bool
    private let scalesHead: Bool
    /// Not derived from `model`: heads may be too narrow for different shares to rotate different columns.
    private let rotaryShare: Double?
    private let prediction: ObjectiveConfiguration.Kind
    private let loss: Loss
    private let fineTuning: FineTuningConfiguration
    private let batch: BatchConfiguration
    private let updates: [UInt32]
    private let optimizer: OptimizerConfiguration
    private let schedule: Schedule
    private let precision: Configuration.Precision
    private let products: ProductChoice
    private let threads: ThreadCount
    private let averaging: AveragingConfiguration
    private let lossScale: LossScaleConfiguration?
    private let training: TrainingConfiguration

    /// The values of a run of `configuration` on data of nominal sizes. The values need not be consistent with each
    /// other.
    init(_ configuration: Configuration) {
        run = configuration.run
        mixture = configuration.data.mixture
        dataDirectory = configuration.data.directory
        samples = configuration.samples
        lengthPool = configuration.data.lengthPool
        let isOfImages = configuration.model.family.architecture.input == .patches
        model = configuration.model.shape(
            configuration.sizes(
                image: isOfImages ? ImageShape(height: 224, width: 224, channels: 3) : nil, vocabularySize: 256,
                outputs: 2))
        let hasBlocks = configuration.model.family.architecture.hasBlocks
        scalesEmbeddings = !isOfImages && hasBlocks && configuration.model.scaleEmbeddings
        scalesHead =
            hasBlocks && configuration.model.family.architecture.output == .tokens
            && configuration.model.head == .linear
            && configuration.model.scaleHead
        rotaryShare = hasBlocks && configuration.model.positions == .rotary ? configuration.model.rotaryShare : nil
        prediction = configuration.prediction.kind
        loss = configuration.loss
        fineTuning = configuration.fineTuning.effective
        batch = configuration.batch
        updates = OptimizerTrial.bits(configuration.optimizer)
        optimizer = configuration.optimizer.beyondUpdates
        schedule = configuration.makeSchedule()
        precision = configuration.precision
        products = configuration.products
        threads = configuration.threads
        averaging = configuration.averaging.effective(configuration.precision)
        lossScale = configuration.precision == .float16 ? configuration.lossScale : nil
        var training = configuration.training.effective
        let generates = configuration.model.family.architecture.response?.isGenerated ?? false
        // Adapters are merged into the weights only when a run has ended.
        if !generates || configuration.fineTuning.adaptation != nil {
            training.samples = TrainingConfiguration().samples
        }
        self.training = training
    }
}

extension Configuration {
    /// Whether any other value of `key` would change the run, with all other keys unchanged.
    func reads(_ key: ConfigurationKey<Configuration>) -> Bool {
        let effective = EffectiveConfiguration(self)
        return key.examples.contains { example in
            var other = self
            example(&other)
            return EffectiveConfiguration(other) != effective
        }
    }

    /// The keys that have no effect although their value is neither the default nor 0.
    var unreadKeys: [ConfigurationKey<Configuration>] {
        let usual = Configuration()
        return Configuration.keys.filter { key in
            let value = key.text(self)
            return ![key.text(usual), "0", "0.0"].contains(value) && !reads(key)
        }
    }
}

extension FineTuningConfiguration {
    /// Without a checkpoint to load, `load` and `skip` have no effect.
    fileprivate var effective: FineTuningConfiguration { from == nil ? FineTuningConfiguration() : self }
}

extension OptimizerConfiguration {
    /// The values that are read by the training step and by `ParameterRules`, not by the optimizer itself.
    fileprivate var beyondUpdates: OptimizerConfiguration {
        var part = OptimizerConfiguration()
        (part.clipNorm, part.clipValue, part.groups, part.freeze) = (clipNorm, clipValue, groups, freeze)
        return part
    }
}

extension AveragingConfiguration {
    /// `wire` has no effect on gradients in shared memory and on 16-bit gradients, which are sent as they are.
    fileprivate func effective(_ precision: Configuration.Precision) -> AveragingConfiguration {
        var part = self
        if strategy == .sharedMemory || precision != .float32 { part.wire = AveragingConfiguration().wire }
        return part
    }
}

extension TrainingConfiguration {
    /// Without `spikeZScore` there are no spikes, without `patience` the minimum improvement has no effect, and without
    /// event files there are neither histograms nor samples.
    fileprivate var effective: TrainingConfiguration {
        var (part, usual) = (self, TrainingConfiguration())
        if spikeZScore == 0 { part.spikeAction = usual.spikeAction }
        if patience == 0 { part.minDelta = usual.minDelta }
        if !tensorboard { (part.histogramsEvery, part.samples) = (usual.histogramsEvery, usual.samples) }
        return part
    }
}
