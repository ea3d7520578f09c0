import Optimizers

extension Configuration {
    /// The learning rate schedule of the run.
    package func makeSchedule() -> Schedule { Schedule(schedule, steps: training.steps, width: model.width) }

    /// The loss scaler at the start of the run; nil unless the precision is Float16.
    package func makeLossScaler() -> LossScaler? {
        switch precision {
        case .float32, .bfloat16: nil
        case .float16: LossScaler(scale: lossScale.initial, scalerSettings)
        }
    }

    /// The settings by which the loss scale grows and shrinks.
    package var scalerSettings: LossScaler.Settings {
        LossScaler.Settings(
            growthInterval: lossScale.growthInterval, hysteresis: lossScale.hysteresis, floor: lossScale.floor,
            ceiling: lossScale.ceiling)
    }
}
