/// A default that depends on other keys: if the key is not given, its default is moved into the allowed range.
///
/// A default that is already allowed is not changed, and neither is the default of a key without effect, since any
/// other value would be rejected. A value that is given is only checked (but see `governor`).
struct FittedDefault: Sendable {
    /// The key whose default is fitted.
    let key: String
    /// A key that, if set by `--set`, also causes a value of `key` from a file to be fitted: an argument that shortens
    /// the run should not make the file's other values invalid.
    var governor: String?
    /// Changes the value if it is not allowed.
    let fit: @Sendable (inout Configuration) -> Void

    /// All fitted defaults, in the order of their dependencies.
    static let all: [FittedDefault] = [
        FittedDefault(key: "schedule.warmup_steps", governor: "training.steps") { configuration in
            let decaySteps =
                configuration.schedule.kind == .warmupStableDecay ? configuration.schedule.decaySteps : 0
            let steps = max(0, configuration.training.steps - decaySteps)
            configuration.schedule.warmupSteps = min(configuration.schedule.warmupSteps, steps)
        },
        // A minimum equal to the peak would make the schedule constant.
        FittedDefault(key: "schedule.floor") { configuration in
            let schedule = configuration.schedule
            let peak = schedule.kind == .noam ? schedule.noamPeak(width: configuration.model.width) : schedule.peak
            if schedule.floor > peak { configuration.schedule.floor = peak / 10 }
        },
        // Configurations from before the key existed may have an `initial` above the default.
        FittedDefault(key: "loss_scale.ceiling") { configuration in
            configuration.lossScale.ceiling = max(configuration.lossScale.ceiling, configuration.lossScale.initial)
        },
    ]
}
