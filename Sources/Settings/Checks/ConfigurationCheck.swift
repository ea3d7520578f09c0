import Datasets

/// A constraint that relates values of several keys, or that the range of a single key cannot express.
struct ConfigurationCheck: Sendable {
    /// The key that is reported if the check fails.
    let key: String
    /// The other keys that the check depends on.
    let others: [String]
    /// Returns nil if the constraint holds, otherwise a description of the key's allowed values.
    let allowed: @Sendable (Configuration) -> String?

    init(_ key: String, _ others: String..., allowed: @escaping @Sendable (Configuration) -> String?) {
        self.key = key
        self.others = others
        self.allowed = allowed
    }

    /// All checks, in the order in which they are applied.
    static let all: [ConfigurationCheck] =
        blocks + general + kinds

    private static let general: [ConfigurationCheck] = [
        ConfigurationCheck("model.positions", "model.family") { configuration in
            let model = configuration.model
            let isSinusoidal = model.positions == .sinusoidal || model.positions == .sinusoidalHalves
            return model.family.architecture.input == .patches && isSinusoidal
                ? "learned, rotary, relative, alibi or none if model.family is image_classifier" : nil
        },
        ConfigurationCheck("objective.kind", "model.family") { configuration in
            let allowed = configuration.model.family.architecture.predictions
            if configuration.objective.kind == .auto || allowed.contains(configuration.objective.kind) { return nil }
            return "auto, \(allowed.map(\.rawValue).joined(separator: ", ")) if model.family is "
                + configuration.model.family.rawValue
        },
        ConfigurationCheck("data.mixture") { configuration in
            let parts = configuration.data.mixture
            if parts.isEmpty || Mixture(weights: parts.map(\.weight)) != nil { return nil }
            return
                "at most \(Mixture.blockLength) datasets, each with a share of at least 1/\(Mixture.blockLength) of all "
                + "weights"
        },
        ConfigurationCheck("training.tasks", "model.family") { configuration in
            let family = configuration.model.family
            return configuration.training.tasks.isEmpty || family.architecture.response == .continuation
                ? nil : "[] (the default) if model.family is \(family.rawValue): questions need a decoder"
        },
        ConfigurationCheck("training.metric", "training.tasks", "objective.kind", "model.family") { configuration in
            let ofTasks = configuration.training.tasks.isEmpty ? [] : ValidationMetric.ofTasks
            let allowed = configuration.prediction.metrics + ofTasks
            if allowed.contains(configuration.training.metric) { return nil }
            return "\(allowed.map(\.rawValue).joined(separator: ", ")) if the objective is "
                + configuration.prediction.kind.rawValue
                + (ValidationMetric.ofTasks.contains(configuration.training.metric)
                    ? "; a metric of questions needs training.tasks" : "")
        },
        ConfigurationCheck("data.context_length", "objective.window", "model.family") { configuration in
            let (context, window) = (configuration.data.contextLength, configuration.objective.window)
            return configuration.model.family.architecture.hasBlocks || context >= 2 * window
                ? nil
                : "at least 2 · objective.window (\(2 * window)): the words around one word must fit into a sample"
        },
        ConfigurationCheck("augmentation.token_masking", "augmentation.token_dropping") { configuration in
            let (dropping, masking) = (
                configuration.augmentation.tokenDropping, configuration.augmentation.tokenMasking
            )
            return dropping + masking < 1
                ? nil : "less than \(plain(1 - dropping)): 1 − augmentation.token_dropping (\(plain(dropping)))"
        },
        ConfigurationCheck("augmentation.unigram_power", "augmentation.bpe_dropout") { configuration in
            let changes = configuration.augmentation
            return changes.bpeDropout > 0 && changes.unigramPower > 0
                ? "0 (the default) with augmentation.bpe_dropout: a tokenizer is of one kind" : nil
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
            "model.decoder_heads", "model.head_width", "model.decoder_feed_forward_width", "model.vocabulary_size"
        ) { configuration in
            let most = 1 << 40
            if let numbers = numbersPerSlot(configuration), numbers <= most { return nil }
            return "fewer, with smaller data.context_length (\(configuration.data.contextLength)), model.width "
                + "(\(configuration.model.width)) or model.layers (\(configuration.model.layers)): "
                + "a slot and the model may have at most \(most) values (4 TiB)"
        },
        ConfigurationCheck("schedule.floor", "schedule.peak") { configuration in
            let schedule = configuration.makeSchedule()
            guard let floor = schedule.floor, floor > schedule.peak else { return nil }
            let name = configuration.schedule.kind == .noam ? "the highest learning rate of noam" : "schedule.peak"
            return "at most \(name) (\(plain(schedule.peak)))"
        },
        ConfigurationCheck("schedule.warmup_steps", "training.steps") { configuration in
            let steps = configuration.training.steps
            return configuration.schedule.warmupSteps <= steps ? nil : "at most training.steps (\(steps))"
        },
        ConfigurationCheck("schedule.warmup_steps", "schedule.kind") { configuration in
            let schedule = configuration.schedule
            // The learning rate is peak · √(warm-up steps / step).
            return [.inverseSquareRoot, .noam].contains(schedule.kind) && schedule.warmupSteps == 0
                ? "at least 1 if schedule.kind is \(schedule.kind.rawValue)" : nil
        },
        ConfigurationCheck("schedule.decay_steps", "schedule.kind", "schedule.warmup_steps", "training.steps") {
            let (schedule, steps) = ($0.schedule, $0.training.steps)
            guard schedule.kind == .warmupStableDecay else { return nil }
            // An earlier check rejects a warm-up that is longer than the run.
            let most = steps - schedule.warmupSteps
            if most == 0 { return "none, because schedule.warmup_steps (\(steps)) equals training.steps" }
            return (1...most).contains(schedule.decaySteps)
                ? nil
                : "1 to \(most): training.steps (\(steps)) − schedule.warmup_steps (\(schedule.warmupSteps))"
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

/// The number of elements in the largest arrays of one micro-batch and of the model together; nil if it exceeds the
/// range of Int.
private func numbersPerSlot(_ configuration: Configuration) -> Int? {
    let (model, batch, context) = (configuration.model, configuration.batch, configuration.data.contextLength)
    let width = model.width, layers = model.layers + model.decoderLayers
    let heads = max(model.heads, model.decoderHeads)
    let widest = max(width, heads * model.headWidth)
    let hiddenWidth = max(model.hiddenWidth, model.targetHiddenWidth)
    let tokens = [batch.sequences / batch.slots, context]
    return sumOfProducts([
        [8, layers, width, widest],
        [3, layers, width, hiddenWidth],
        [2, model.vocabularySize, width],
        tokens + [layers, 16, widest],
        tokens + [layers, 3, hiddenWidth],
        tokens + [layers, heads, context],
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
