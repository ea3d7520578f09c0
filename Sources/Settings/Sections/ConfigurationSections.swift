/// Where a run keeps its files, and what its randomness comes from: the section `run`.
package struct RunConfiguration: Equatable, Sendable {
    /// The run directory.
    package var directory = "runs/quickstart"
    package var seed = 1337
    /// The format that the model is to be exported to, so that a model which cannot be is rejected before it is trained.
    package var export = ExportFormat.none

    /// What `export` may say.
    package enum ExportFormat: String, CaseIterable, Sendable {
        /// Nothing is planned.
        case none
        /// A class of the library `transformers`.
        case huggingface
    }

    package init() {}
}

/// What is learned from: the section `data`.
package struct DataConfiguration: Equatable, Sendable {
    /// The dataset's directory.
    package var directory = "data/quickstart"
    /// Positions a sequence, T.
    package var contextLength = 128
    /// Whether sequences that are longer lose what is beyond.
    package var truncate = false
    /// Whether the documents of a text do not see each other.
    package var separateDocuments = false
    /// Batches whose sequences are sorted by length together; 1 sorts nothing.
    package var lengthPool = 1

    package init() {}
}

/// What a step sees: the section `batch`.
package struct BatchConfiguration: Equatable, Sendable {
    /// Sequences a step, of the whole job, B.
    package var sequences = 16
    /// Equal parts of the batch, S; they fix the order of summation, and with it which world sizes are possible.
    package var slots = 4

    /// Sequences a slot.
    package var sequencesPerSlot: Int { sequences / slots }

    package init() {}
}

/// How the loss is scaled in Float16: the section `loss_scale`.
package struct LossScaleConfiguration: Equatable, Sendable {
    /// The scale of step 0, a power of two.
    package var initial = 65536.0
    /// Steps without an overflow until the scale doubles.
    package var growthInterval = 1000
    /// Overflows since the last growth from which on each one halves the scale.
    package var hysteresis = 2
    /// The lowest scale, a power of two.
    package var floor = 1.0
    /// The highest scale, a power of two; by default at least `initial`.
    package var ceiling = 16_777_216.0

    package init() {}
}

/// How long a run is, and what it does on its way: the section `training`.
package struct TrainingConfiguration: Equatable, Sendable {
    /// What is done about a step whose loss is a spike.
    package enum SpikeAction: String, CaseIterable, Sendable {
        /// The step does not update the weights.
        case skip
        /// The training goes on from the last checkpoint, behind the samples that it has seen.
        case back
        /// The training ends with an error; the last checkpoint is untouched.
        case stop
    }

    /// Steps of the whole run.
    package var steps = 1200
    /// Steps from one evaluation to the next.
    package var evaluateEvery = 200
    /// Steps from one checkpoint to the next.
    package var checkpointEvery = 200
    /// Whether a checkpoint is written from a copy while the training goes on, by memory and a thread of rank 0.
    package var backgroundCheckpoints = true
    /// Whether checkpoints are for their owner alone; otherwise the umask decides, as for every other file.
    package var privateCheckpoints = false
    /// Newest checkpoints to keep.
    package var keepLast = 3
    /// Checkpoints of the best `metric` to keep besides.
    package var keepBest = 1
    /// The share of itself that the moving average of the weights keeps in an update; 0: there is none.
    package var emaDecay = 0.0
    /// What tells the best checkpoints, and when to stop early.
    package var metric = ValidationMetric.loss
    /// Evaluations without an improvement after which the run ends; 0: never.
    package var patience = 0
    /// What a value must be better by to count as an improvement.
    package var minDelta = 0.0
    /// Standard deviations above the mean at which the loss of a step is a spike; 0: none is.
    package var spikeZScore = 0.0
    /// What is done about a spike.
    package var spikeAction = SpikeAction.skip
    /// Steps from one comparison of all replicas to the next; 0: nothing is verified.
    package var verifyEvery = 10
    /// Seconds without progress after which the job ends; nil: by the slowest step.
    package var stallTimeoutSeconds: Double?

    package init() {}
}
