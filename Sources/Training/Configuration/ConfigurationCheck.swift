import Failures
import Models
import Optimizers

/// What values must be to each other, beyond what each may be alone.
struct ConfigurationCheck: Sendable {
    /// The key that is said to be wrong.
    let key: String
    /// The keys that it depends on.
    let others: [String]
    /// Nil where all is well, otherwise what the key may be.
    let allowed: @Sendable (Configuration) -> String?

    init(_ key: String, _ others: String..., allowed: @escaping @Sendable (Configuration) -> String?) {
        self.key = key
        self.others = others
        self.allowed = allowed
    }

    /// The checks, in the order of their keys.
    static let all: [ConfigurationCheck] =
        general + optimizerKeys + scheduleKeys

    private static let general: [ConfigurationCheck] = [
        ConfigurationCheck("model.heads", "model.width") { configuration in
            let (heads, width) = (configuration.model.heads, configuration.model.width)
            if width % heads == 0 { return nil }
            let divisors = (1...min(width, 1024)).filter { width % $0 == 0 }
            let shown = divisors.prefix(7).map(String.init).joined(separator: ", ")
            return "a divisor of model.width (\(width)): \(shown)\(divisors.count > 7 ? ", …" : "")"
        },
        ConfigurationCheck("model.kv_heads", "model.heads") { configuration in
            let (heads, keyHeads) = (configuration.model.heads, configuration.model.keyHeads)
            if heads % keyHeads == 0 { return nil }
            let divisors = (1...heads).filter { heads % $0 == 0 }.map(String.init).joined(separator: ", ")
            return "a divisor of model.heads (\(heads)): \(divisors), or 0 for as many"
        },
        ConfigurationCheck("model.positions", "model.width", "model.heads") { configuration in
            let model = configuration.model
            return model.positions == .rotary && model.headWidth % 2 == 1
                ? "rotary where model.width / model.heads (\(model.headWidth)) is even: columns are turned in pairs"
                : nil
        },
        ConfigurationCheck("model.positions", "model.family") { configuration in
            let model = configuration.model
            let isSinusoidal = model.positions == .sinusoidal || model.positions == .sinusoidalHalves
            return model.family == .imageClassifier && isSinusoidal
                ? "learned, rotary, alibi or none where model.family is image_classifier" : nil
        },
        ConfigurationCheck("model.decoder_layers", "model.family") { configuration in
            configuration.model.decoderLayers > 0 && !configuration.model.family.architecture.hasEncoder
                ? "0 where model.family is \(configuration.model.family.rawValue): only encoder_decoder has two stacks"
                : nil
        },
        ConfigurationCheck("model.head", "model.family") { configuration in
            configuration.model.head == .transform && configuration.model.family.architecture.output == .sequence
                ? "linear where model.family is \(configuration.model.family.rawValue)" : nil
        },
        ConfigurationCheck("objective.kind", "model.family") { configuration in
            let allowed = configuration.model.family.predictions
            if configuration.objective.kind == .auto || allowed.contains(configuration.objective.kind) { return nil }
            return "auto or \(allowed.map(\.rawValue).joined(separator: ", ")) where model.family is "
                + configuration.model.family.rawValue
        },
        ConfigurationCheck("objective.label_smoothing", "objective.kind", "model.family") { configuration in
            if configuration.objective.labelSmoothing == 0 { return nil }
            if case .crossEntropy = configuration.loss { return nil }
            return "0 where the objective is \(configuration.prediction.rawValue): there is no one target to smooth"
        },
        ConfigurationCheck("training.metric", "objective.kind", "model.family") { configuration in
            let allowed = configuration.prediction.metrics
            if allowed.contains(configuration.training.metric) { return nil }
            return "\(allowed.map(\.rawValue).joined(separator: ", ")) where the objective is "
                + configuration.prediction.rawValue
        },
        ConfigurationCheck("data.separate_documents", "model.family") { configuration in
            configuration.data.separateDocuments && configuration.prediction != .causal
                ? "false where the objective is \(configuration.prediction.rawValue): only causal packs documents" : nil
        },
        ConfigurationCheck("fine_tuning.load", "fine_tuning.from") { configuration in
            configuration.fineTuning.from == nil && configuration.fineTuning.load != FineTuningConfiguration().load
                ? "[\"*\"] where fine_tuning.from is null: there is nothing to load from" : nil
        },
        ConfigurationCheck("fine_tuning.skip", "fine_tuning.from") { configuration in
            configuration.fineTuning.from == nil && !configuration.fineTuning.skip.isEmpty
                ? "[] where fine_tuning.from is null: all weights are drawn" : nil
        },
        ConfigurationCheck("augmentation.token_dropping", "model.family") { configuration in
            tokenNoise(configuration.augmentation.tokenDropping, configuration)
        },
        ConfigurationCheck("augmentation.token_masking", "model.family") { configuration in
            tokenNoise(configuration.augmentation.tokenMasking, configuration)
        },
        ConfigurationCheck("augmentation.token_masking", "augmentation.token_dropping") { configuration in
            let (dropping, masking) = (
                configuration.augmentation.tokenDropping, configuration.augmentation.tokenMasking
            )
            return dropping + masking < 1
                ? nil : "less than \(plain(1 - dropping)), what augmentation.token_dropping (\(plain(dropping))) leaves"
        },
        ConfigurationCheck("augmentation.shift", "model.family") { configuration in
            configuration.augmentation.shift > 0 ? ofImages("0", "moved", configuration) : nil
        },
        ConfigurationCheck("augmentation.flip", "model.family") { configuration in
            configuration.augmentation.flip ? ofImages("false", "mirrored", configuration) : nil
        },
        ConfigurationCheck("augmentation.crop", "model.family") { configuration in
            configuration.augmentation.crop < 1 ? ofImages("1", "cut", configuration) : nil
        },
        ConfigurationCheck("batch.sequences", "batch.slots") { configuration in
            let (sequences, slots) = (configuration.batch.sequences, configuration.batch.slots)
            if sequences % slots == 0 { return nil }
            let above = (sequences / slots + 1) * slots
            return
                "a multiple of batch.slots (\(slots)), such as \(sequences > slots ? "\(above - slots) or " : "")\(above)"
        },
        ConfigurationCheck(
            "batch.sequences", "batch.slots", "data.context_length", "model.width", "model.layers", "model.heads",
            "model.vocabulary_size"
        ) { configuration in
            let most = 1 << 40
            if let numbers = numbersPerSlot(configuration), numbers <= most { return nil }
            return "fewer, with smaller data.context_length (\(configuration.data.contextLength)), model.width "
                + "(\(configuration.model.width)) or model.layers (\(configuration.model.layers)): "
                + "a slot and the model are at most \(most) numbers (4 TiB)"
        },
        ConfigurationCheck("schedule.floor", "schedule.peak") { configuration in
            let schedule = configuration.schedule
            let isNoam = schedule.kind == .noam
            let peak = isNoam ? schedule.noamPeak(width: configuration.model.width) : schedule.peak
            return schedule.floor <= peak
                ? nil : "at most \(isNoam ? "the highest rate of noam" : "schedule.peak") (\(plain(peak)))"
        },
        ConfigurationCheck("schedule.warmup_steps", "training.steps") { configuration in
            let steps = configuration.training.steps
            return configuration.schedule.warmupSteps <= steps ? nil : "at most training.steps (\(steps))"
        },
        ConfigurationCheck("schedule.warmup_steps", "schedule.kind") { configuration in
            let schedule = configuration.schedule
            // The curve is the peak times √(warm-up steps / step).
            return [.inverseSquareRoot, .noam].contains(schedule.kind) && schedule.warmupSteps == 0
                ? "at least 1 where schedule.kind is \(schedule.kind.rawValue)" : nil
        },
        ConfigurationCheck("schedule.decay_steps", "schedule.kind", "schedule.warmup_steps", "training.steps") {
            let (schedule, steps) = ($0.schedule, $0.training.steps)
            guard schedule.kind == .warmupStableDecay else {
                return schedule.decaySteps == 0
                    ? nil
                    : "0 where schedule.kind is \(schedule.kind.rawValue): only warmup_stable_decay has decay steps"
            }
            // An earlier check has seen to it that the warm-up is not longer than the run.
            let most = steps - schedule.warmupSteps
            if most == 0 { return "none: schedule.warmup_steps (\(steps)) is all of training.steps" }
            return (1...most).contains(schedule.decaySteps)
                ? nil
                : "1 to \(most), what schedule.warmup_steps (\(schedule.warmupSteps)) leaves of training.steps (\(steps))"
        },
        ConfigurationCheck("averaging.wire", "averaging.strategy") { configuration in
            let averaging = configuration.averaging
            return averaging.wire == .float16 && averaging.strategy == .sharedMemory
                ? "float32 where averaging.strategy is shared_memory: gradients are read where they lie, not sent" : nil
        },
        ConfigurationCheck("averaging.wire", "precision") { configuration in
            configuration.averaging.wire == .float16 && configuration.precision == .float16
                ? "float32 where precision is float16: such gradients are sent as they are" : nil
        },
        ConfigurationCheck("loss_scale.initial") { isPowerOfTwo($0.lossScale.initial) ? nil : "a power of two" },
        ConfigurationCheck("loss_scale.floor") { isPowerOfTwo($0.lossScale.floor) ? nil : "a power of two" },
        ConfigurationCheck("loss_scale.floor", "loss_scale.initial") { configuration in
            let scale = configuration.lossScale
            return scale.floor <= scale.initial ? nil : "at most loss_scale.initial (\(plain(scale.initial)))"
        },
        ConfigurationCheck("loss_scale.ceiling") { isPowerOfTwo($0.lossScale.ceiling) ? nil : "a power of two" },
        ConfigurationCheck("loss_scale.ceiling", "loss_scale.initial") { configuration in
            let scale = configuration.lossScale
            return scale.ceiling >= scale.initial ? nil : "at least loss_scale.initial (\(plain(scale.initial)))"
        },
    ]
}

/// What a share of changed tokens may be where nothing would be changed.
private func tokenNoise(_ share: Double, _ configuration: Configuration) -> String? {
    if share == 0 { return nil }
    switch configuration.prediction {
    case .auto, .causal, .masked, .infilling:
        return
            "0 where the objective is \(configuration.prediction.rawValue): only a source or a labelled text is changed"
    case .sequenceToSequence, .classification, .multiLabel, .regression:
        return configuration.model.family == .imageClassifier ? "0 where model.family is image_classifier" : nil
    }
}

/// What a change of images may be where there are none.
private func ofImages(_ nothing: String, _ what: String, _ configuration: Configuration) -> String? {
    let family = configuration.model.family
    return family == .imageClassifier
        ? nil : "\(nothing) where model.family is \(family.rawValue): only images are \(what)"
}

/// What the largest arrays of one slot and of the model hold together, or nil where an Int cannot say:
/// a step's count of anything is then out of reach as well.
private func numbersPerSlot(_ configuration: Configuration) -> Int? {
    let (model, batch, context) = (configuration.model, configuration.batch, configuration.data.contextLength)
    let width = model.width, layers = model.layers + model.decoderLayers
    let tokens = [batch.sequences / batch.slots, context]
    return sumOfProducts([
        [8, layers, width, width],
        [3, layers, width, model.hiddenWidth],
        [2, model.vocabularySize, width],
        tokens + [layers, 16, width],
        tokens + [layers, 3, model.hiddenWidth],
        tokens + [layers, model.heads, context],
        tokens + [model.vocabularySize],
    ])
}

private func sumOfProducts(_ terms: [[Int]]) -> Int? {
    var sum = 0
    for factors in terms {
        var product = 1
        for factor in factors {
            let (result, overflows) = product.multipliedReportingOverflow(by: factor)
            if overflows { return nil }
            product = result
        }
        let (result, overflows) = sum.addingReportingOverflow(product)
        if overflows { return nil }
        sum = result
    }
    return sum
}

/// Whether scaling by `value` is exact.
private func isPowerOfTwo(_ value: Double) -> Bool { value.significand == 1 }
