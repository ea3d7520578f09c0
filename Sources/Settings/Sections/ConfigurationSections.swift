/// The section `run`: the run directory, seed and export format.
package struct RunConfiguration: Equatable, Sendable {
    /// The run directory.
    package var directory = "runs/quickstart"
    /// The seed of all random numbers.
    package var seed = 1337
    /// The format to which the model will be exported; a model that it cannot represent is rejected before training.
    package var export = ExportFormat.none

    /// An export format.
    package enum ExportFormat: String, CaseIterable, Sendable {
        /// No export is planned.
        case none
        /// A model class of the library `transformers`.
        case huggingface
    }

    package init() {}
}

/// The section `data`: the dataset and its sequences.
package struct DataConfiguration: Equatable, Sendable {
    /// The dataset's directory.
    package var directory = "data/quickstart"
    /// The datasets of a mixture, which take the place of `directory`; empty: no mixture.
    package var mixture: [MixturePart] = []
    /// The sequence length in tokens, T.
    package var contextLength = 128
    /// Whether longer sequences are truncated; otherwise they are an error.
    package var truncate = false
    /// Whether attention across document boundaries is masked.
    package var separateDocuments = false
    /// Length bucketing: the number of batches whose sequences are sorted by length together; 1: no sorting.
    package var lengthPool = 1

    package init() {}
}

/// An entry of `data.mixture`.
package struct MixturePart: Equatable, Sendable {
    /// The dataset's directory.
    package var directory = ""
    /// The share of the samples of training that are of this dataset, relative to the weights of the others.
    package var weight = 1.0

    package init() {}
}

/// The section `batch`: the size of a step and its micro-batches.
package struct BatchConfiguration: Equatable, Sendable {
    /// The number of sequences per step, over all ranks, B.
    package var sequences = 16
    /// The number of micro-batches per step, S; it determines the order of summation, and is the maximum number of
    /// ranks.
    package var slots = 4

    /// The number of sequences per micro-batch.
    package var sequencesPerSlot: Int { sequences / slots }

    package init() {}
}

/// The section `loss_scale`: dynamic loss scaling in Float16.
package struct LossScaleConfiguration: Equatable, Sendable {
    /// The initial scale, a power of two.
    package var initial = 65536.0
    /// The number of consecutive steps without overflow after which the scale doubles.
    package var growthInterval = 1000
    /// N: each overflow from the N-th since the last growth halves the scale.
    package var hysteresis = 2
    /// The minimum scale, a power of two.
    package var floor = 1.0
    /// The maximum scale, a power of two; the default is at least `initial`.
    package var ceiling = 16_777_216.0

    package init() {}
}

/// The section `training`: the length of a run, its evaluations, checkpoints and checks.
package struct TrainingConfiguration: Equatable, Sendable {
    /// The response to a step whose loss is a spike.
    package enum SpikeAction: String, CaseIterable, Sendable {
        /// The step does not update the weights.
        case skip
        /// The run rolls back to the last checkpoint and skips the samples that were trained on since.
        case back
        /// The run ends with an error; the last checkpoint is unchanged.
        case stop
    }

    /// The activations that the backward pass computes again instead of keeping them, see `Recomputation`.
    package enum Recompute: String, CaseIterable, Sendable {
        /// The least that fits into the memory of every host.
        case automatic = "auto"
        case none
        case attention
        case block
    }

    /// The number of steps of the whole run.
    package var steps = 1200
    /// What is recomputed; it changes no result.
    package var recompute = Recompute.automatic
    /// The interval between evaluations, in steps.
    package var evaluateEvery = 200
    /// The interval between checkpoints, in steps.
    package var checkpointEvery = 200
    /// Whether a checkpoint is written in the background from a snapshot, with additional memory and a thread on rank
    /// 0.
    package var backgroundCheckpoints = true
    /// Whether only the owner can read checkpoints; otherwise the umask decides, as for all other files.
    package var privateCheckpoints = false
    /// The number of newest checkpoints to keep.
    package var keepLast = 3
    /// The number of checkpoints with the best `metric` to keep in addition.
    package var keepBest = 1
    /// The decay of the exponential moving average of the weights (EMA); 0: no average.
    package var emaDecay = 0.0
    /// Files of questions that every evaluation answers, see `TaskFile`.
    package var tasks: [String] = []
    /// The metric that selects the best checkpoints and triggers early stopping.
    package var metric = ValidationMetric.loss
    /// Early stopping: the number of evaluations without improvement after which the run ends; 0: off.
    package var patience = 0
    /// The smallest change that counts as an improvement.
    package var minDelta = 0.0
    /// The number of standard deviations above the mean at which a step's loss is a spike; 0: off.
    package var spikeZScore = 0.0
    /// The response to a spike.
    package var spikeAction = SpikeAction.skip
    /// The interval between comparisons of all replicas, in steps; 0: off.
    package var verifyEvery = 10
    /// Whether event files for TensorBoard are written.
    package var tensorboard = true
    /// The interval between histograms of weights and gradients in the event files, in steps; 0: none.
    package var histogramsEvery = 0
    /// The number of validation prompts whose continuations, translations or fillings are written to the event files at
    /// each evaluation.
    package var samples = 0
    /// The number of seconds without progress after which the job ends; nil: derived from the slowest step.
    package var stallTimeoutSeconds: Double?
    /// The ratio of a rank's time to compute to that of the others from which on it is named.
    package var stragglerFactor = 1.5

    package init() {}
}
