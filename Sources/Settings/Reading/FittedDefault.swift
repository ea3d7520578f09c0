import Models
import Optimizers

/// A default that has to fit other keys: where it was not given, it is moved into the range that these leave.
///
/// A value that fits already is never changed, a value that was given is only checked (but see `governor`), and a default
/// that nothing reads stays as it is: another value of it would be rejected.
struct FittedDefault: Sendable {
    /// The key whose default is fitted.
    let key: String
    /// A key that, given by `--set`, fits a value of `key` from a file too: whoever shortens a run on the command line means
    /// the file's other values as far as they still fit.
    var governor: String?
    let fit: @Sendable (inout Configuration) -> Void

    /// All of them, each after those that it depends on.
    static let all: [FittedDefault] = [
        FittedDefault(key: "schedule.warmup_steps", governor: "training.steps") { configuration in
            let decaySteps =
                configuration.schedule.kind == .warmupStableDecay ? configuration.schedule.decaySteps : 0
            let steps = max(0, configuration.training.steps - decaySteps)
            configuration.schedule.warmupSteps = min(configuration.schedule.warmupSteps, steps)
        },
        // A floor at the peak would leave nothing of the curve.
        FittedDefault(key: "schedule.floor") { configuration in
            let schedule = configuration.schedule
            let peak = schedule.kind == .noam ? schedule.noamPeak(width: configuration.model.width) : schedule.peak
            if schedule.floor > peak { configuration.schedule.floor = peak / 10 }
        },
        // Configurations from before there was a ceiling may begin above its default.
        FittedDefault(key: "loss_scale.ceiling") { configuration in
            configuration.lossScale.ceiling = max(configuration.lossScale.ceiling, configuration.lossScale.initial)
        },
    ]
}
