import Optimizers
import Reporting

extension Configuration {
    /// Describes the change of learning rate when a run of `other` is resumed at step `step` with this configuration;
    /// nil if the schedule is unchanged or no step is left.
    ///
    /// If a run had reached the end of its schedule and now has more steps, the learning rate usually increases a lot.
    package func rateChange(from other: Configuration, at step: Int) -> String? {
        guard step > 0, step < training.steps else { return nil }
        let old = Schedule(other.schedule, steps: other.training.steps, width: other.model.width)
        let new = Schedule(schedule, steps: training.steps, width: model.width)
        let before = old.learningRate(at: step - 1), after = new.learningRate(at: step)
        // A schedule that has the same learning rate at this step counts as unchanged.
        let isUnchanged = step < other.training.steps && old.learningRate(at: step) == after
        guard !isUnchanged, before != after else { return nil }
        return
            "the learning rate goes from \(scientific(before)) at step \(step) to \(scientific(after)) at step \(step + 1)"
    }
}
