import Optimizers

extension Configuration {
    /// The learning rates of the run.
    package func makeSchedule() -> Schedule { Schedule(schedule, steps: training.steps, width: model.width) }

    /// The loss scale at the run's start; nil where numbers are Float32.
    package func makeLossScaler() -> LossScaler? {
        switch precision {
        case .float32: nil
        case .float16: LossScaler(scale: lossScale.initial, scalerSettings)
        }
    }

    /// When the loss scale grows and shrinks.
    package var scalerSettings: LossScaler.Settings {
        LossScaler.Settings(
            growthInterval: lossScale.growthInterval, hysteresis: lossScale.hysteresis, floor: lossScale.floor,
            ceiling: lossScale.ceiling)
    }
}
