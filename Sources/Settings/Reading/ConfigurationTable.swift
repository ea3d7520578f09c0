import Averaging
import Datasets
import Models
import Objectives
import Optimizers
import Tensors

// One row per key. The bounds keep the product of any two values that the program multiplies within the range of Int;
// `ConfigurationCheck` limits longer products.

extension Configuration {
    /// The largest vocabulary size, whether configured or determined by a dataset.
    static let vocabularyLimit = 4_194_304

    /// All keys, in the order in which they are written.
    static let keys: [ConfigurationKey<Configuration>] =
        section("run", \.run, RunConfiguration.keys)
        + section("data", \.data, DataConfiguration.keys)
        + section("model", \.model, ModelConfiguration.keys)
        + section("objective", \.objective, ObjectiveConfiguration.keys)
        + section("augmentation", \.augmentation, Augmentation.keys)
        + section("fine_tuning", \.fineTuning, FineTuningConfiguration.keys)
        + section("batch", \.batch, BatchConfiguration.keys)
        + section("optimizer", \.optimizer, OptimizerConfiguration.keys)
        + section("schedule", \.schedule, ScheduleConfiguration.keys)
        + [
            .choice("precision", \.precision),
            .choice("products", \.products),
            // Results are bit-identical for any number of threads.
            ConfigurationKey("threads", \.threads, .threadCount).outsideTrajectory,
        ]
        + section("averaging", \.averaging, AveragingConfiguration.keys)
        + section("loss_scale", \.lossScale, LossScaleConfiguration.keys)
        + section("training", \.training, TrainingConfiguration.keys)

    private static func section<Section>(
        _ name: String, _ property: WritableKeyPath<Configuration, Section> & Sendable,
        _ keys: [ConfigurationKey<Section>]
    ) -> [ConfigurationKey<Configuration>] {
        keys.map { ConfigurationKey($0, of: name, property) }
    }
}

extension RunConfiguration {
    static let keys: [ConfigurationKey<Self>] = [
        .path("directory", \.directory).outsideTrajectory,
        .integer("seed", \.seed, in: 0...Int.max),
        .choice("export", \.export).outsideTrajectory,
    ]
}

extension DataConfiguration {
    static let keys: [ConfigurationKey<Self>] = [
        // Datasets are compared by their digests, not by their paths.
        .path("directory", \.directory).outsideTrajectory,
        ConfigurationKey("mixture", \.mixture, .mappings(of: MixturePart.keys, required: "directory", MixturePart()))
            .outsideTrajectory,
        .integer("context_length", \.contextLength, in: 1...131_072),
        .boolean("truncate", \.truncate),
        .boolean("separate_documents", \.separateDocuments),
        .integer("length_pool", \.lengthPool, in: 1...4096),
    ]
}

extension MixturePart {
    static let keys: [ConfigurationKey<Self>] = [
        .path("directory", \.directory), .real("weight", \.weight, in: 1e-6...1e6),
    ]
}

extension ModelConfiguration {
    static let keys: [ConfigurationKey<Self>] = [
        .choice("family", \.family),
        .integer("layers", \.layers, in: 1...1024),
        .integer("decoder_layers", \.decoderLayers, in: 0...1024),
        .integer("heads", \.heads, in: 1...1024),
        .integer("decoder_heads", \.decoderHeads, in: 0...1024),
        .integer("kv_heads", \.kvHeads, in: 0...1024),
        .integer("head_width", \.headDimension, in: 0...65536),
        .integer("width", \.width, in: 1...65536),
        .integer("feed_forward_width", \.feedForwardWidth, in: 0...1_048_576),
        .integer("decoder_feed_forward_width", \.decoderFeedForwardWidth, in: 0...1_048_576),
        .choice("normalization", \.normalization),
        .real("normalization_epsilon", \.normalizationEpsilon, in: 1e-12...1),
        .choice("placement", \.placement),
        .boolean("parallel_blocks", \.parallelBlocks),
        .choice("positions", \.positions),
        .real("rotary_base", \.rotaryBase, in: 1...1e9),
        .real("rotary_share", \.rotaryShare, in: 0.001...1),
        .choice("rotary_scaling", \.rotaryScaling),
        .real("rotary_factor", \.rotaryFactor, in: 1...1e6),
        .integer("rotary_original_context", \.rotaryOriginalContext, in: 1...131_072),
        .real("rotary_low_frequency", \.rotaryLowFrequency, in: 0.001...1e6),
        .real("rotary_high_frequency", \.rotaryHighFrequency, in: 0.001...1e6),
        .integer("relative_buckets", \.relativeBuckets, in: 4...1024),
        .integer("relative_distance", \.relativeDistance, in: 2...1_048_576),
        .boolean("query_key_normalization", \.queryKeyNormalization),
        .boolean("scale_scores", \.scaleScores),
        .integer("attention_window", \.attentionWindow, in: 0...131_072),
        .integer("unlimited_layers", \.unlimitedLayers, in: 0...1024),
        .choice("activation", \.activation),
        .real("dropout", \.dropout, in: 0..<1),
        ConfigurationKey("embedding_dropout", \.embeddingDropout, .realOr("same", RealRange(0..<1))),
        ConfigurationKey("attention_dropout", \.attentionDropout, .realOr("same", RealRange(0..<1))),
        .boolean("tie_embeddings", \.tieEmbeddings),
        .boolean("share_embeddings", \.shareEmbeddings),
        .boolean("scale_embeddings", \.scaleEmbeddings),
        .boolean("normalize_embeddings", \.normalizeEmbeddings),
        .boolean("bias", \.bias),
        .choice("attention_bias", \.attentionBias),
        .choice("feed_forward_bias", \.feedForwardBias),
        .choice("head", \.head),
        .boolean("head_bias", \.headBias),
        .boolean("scale_head", \.scaleHead),
        .choice("pooling", \.pooling),
        .integer("patch_size", \.patchSize, in: 1...1024),
        .boolean("distillation_token", \.distillationToken),
        .integer("vocabulary_size", \.vocabularySize, in: 0...Configuration.vocabularyLimit),
        .choice("initializer", \.initializer),
        .real("initializer_std", \.initializerStd, in: 1e-6...10),
        .boolean("scale_residual", \.scaleResidual),
    ]
}

extension ObjectiveConfiguration {
    static let keys: [ConfigurationKey<Self>] = [
        .choice("kind", \.kind),
        .real("label_smoothing", \.labelSmoothing, in: 0..<1),
        .real("mask_share", \.maskShare, in: 0.001..<1),
        .real("span_length", \.spanLength, in: 1...1000),
        .integer("window", \.window, in: 1...1000),
        .integer("negatives", \.negatives, in: 1...1000),
        .real("subsample", \.subsample, in: 0...1),
    ]
}

extension Augmentation {
    static let keys: [ConfigurationKey<Self>] = [
        .real("token_dropping", \.tokenDropping, in: 0..<1),
        .real("token_masking", \.tokenMasking, in: 0..<1),
        .real("bpe_dropout", \.bpeDropout, in: 0..<1),
        .real("unigram_power", \.unigramPower, in: 0...100),
        .integer("shift", \.shift, in: 0...1024),
        .boolean("flip", \.flip),
        .real("crop", \.crop, in: 0.1...1),
    ]
}

extension FineTuningConfiguration {
    static let keys: [ConfigurationKey<Self>] = [
        ConfigurationKey("from", \.from, .optional(.path)),
        ConfigurationKey("load", \.load, .patterns),
        ConfigurationKey("skip", \.skip, .patterns),
        ConfigurationKey("lora", \.lora, .optional(.mapping(of: LowRankAdaptation.keys, LowRankAdaptation()))),
    ]
}

extension LowRankAdaptation {
    static let keys: [ConfigurationKey<Self>] = [
        .integer("rank", \.rank, in: 1...65536),
        .real("alpha", \.alpha, in: 1e-6...1e6),
        .real("dropout", \.dropout, in: 0..<1),
        ConfigurationKey("targets", \.targets, .patterns),
    ]
}

extension BatchConfiguration {
    static let keys: [ConfigurationKey<Self>] = [
        .integer("sequences", \.sequences, in: 1...1_048_576),
        .integer("slots", \.slots, in: 1...65536),
    ]
}

extension OptimizerConfiguration {
    static let keys: [ConfigurationKey<Self>] = [
        .choice("kind", \.kind),
        .reals("betas", \.betas, count: 2, in: 0..<1),
        .real("momentum", \.momentum, in: 0..<1),
        .real("alpha", \.alpha, in: 0..<1),
        .real("epsilon", \.epsilon, in: 1e-30...1),
        .real("weight_decay", \.weightDecay, in: 0...100),
        .real("l1", \.l1, in: 0...100),
        .real("l2", \.l2, in: 0...100),
        .real("clip_norm", \.clipNorm, in: 0...1e30),
        .real("clip_value", \.clipValue, in: 0...1e30),
        ConfigurationKey("groups", \.groups, .mappings(of: ParameterGroup.keys, required: "names", ParameterGroup())),
        ConfigurationKey("freeze", \.freeze, .patterns),
    ]
}

extension ParameterGroup {
    static let keys: [ConfigurationKey<Self>] = [
        ConfigurationKey("names", \.names, .patterns),
        .real("learning_rate_scale", \.learningRateScale, in: 0...1e6),
        ConfigurationKey("weight_decay", \.weightDecay, .optional(.real(RealRange(0...100)))),
        ConfigurationKey("l1", \.l1, .optional(.real(RealRange(0...100)))),
        ConfigurationKey("l2", \.l2, .optional(.real(RealRange(0...100)))),
    ]
}

extension ScheduleConfiguration {
    static let keys: [ConfigurationKey<Self>] = [
        .choice("kind", \.kind),
        .real("peak", \.peak, in: 0...100),
        .real("floor", \.floor, in: 0...100),
        .integer("warmup_steps", \.warmupSteps, in: 0...1_000_000_000),
        .integer("decay_steps", \.decaySteps, in: 0...1_000_000_000),
        .real("power", \.power, in: 0.01...100),
        .real("gamma", \.gamma, in: 0...1),
        .integer("step_size", \.stepSize, in: 0...1_000_000_000),
        ConfigurationKey("milestones", \.milestones, .ascending(in: 1...1_000_000_000)),
        .real("div_factor", \.divFactor, in: 1...1e6),
    ]
}

extension AveragingConfiguration {
    static let keys: [ConfigurationKey<Self>] = [
        .choice("strategy", \.strategy).outsideTrajectory,
        .choice("wire", \.wire),
        ConfigurationKey(
            "bucket_bytes", \.bucketBytes,
            .automatic(or: .integer(in: 1024...AveragingConfiguration.largestBucketBytes))
        ).outsideTrajectory,
    ]
}

extension LossScaleConfiguration {
    static let keys: [ConfigurationKey<Self>] = [
        .real("initial", \.initial, in: 1...4_294_967_296),
        .integer("growth_interval", \.growthInterval, in: 1...1_000_000_000),
        .integer("hysteresis", \.hysteresis, in: 1...1_000_000),
        .real("floor", \.floor, in: 1...4_294_967_296),
        .real("ceiling", \.ceiling, in: 1...4_294_967_296),
    ]
}

extension TrainingConfiguration {
    static let keys: [ConfigurationKey<Self>] = [
        .integer("steps", \.steps, in: 1...1_000_000_000),
        .integer("evaluate_every", \.evaluateEvery, in: 1...1_000_000_000).outsideTrajectory,
        .integer("checkpoint_every", \.checkpointEvery, in: 1...1_000_000_000).outsideTrajectory,
        .boolean("background_checkpoints", \.backgroundCheckpoints).outsideTrajectory,
        .boolean("private_checkpoints", \.privateCheckpoints).outsideTrajectory,
        .integer("keep_last", \.keepLast, in: 1...1_000_000).outsideTrajectory,
        .integer("keep_best", \.keepBest, in: 0...1_000_000).outsideTrajectory,
        .real("ema_decay", \.emaDecay, in: 0..<1),
        ConfigurationKey("tasks", \.tasks, .paths).outsideTrajectory,
        .choice("metric", \.metric).outsideTrajectory,
        .integer("patience", \.patience, in: 0...1_000_000).outsideTrajectory,
        .real("min_delta", \.minDelta, in: 0...1e30).outsideTrajectory,
        .real("spike_zscore", \.spikeZScore, in: 0...1e6),
        .choice("spike_action", \.spikeAction),
        .choice("recompute", \.recompute).outsideTrajectory,
        .integer("verify_every", \.verifyEvery, in: 0...1_000_000_000).outsideTrajectory,
        .boolean("tensorboard", \.tensorboard).outsideTrajectory,
        .integer("histograms_every", \.histogramsEvery, in: 0...1_000_000_000).outsideTrajectory,
        .integer("samples", \.samples, in: 0...16).outsideTrajectory,
        ConfigurationKey("stall_timeout_seconds", \.stallTimeoutSeconds, .realOr("auto", RealRange(1...1e6)))
            .outsideTrajectory,
        .real("straggler_factor", \.stragglerFactor, in: 1...1e6).outsideTrajectory,
    ]
}
