import Optimizers
import Reporting

extension Configuration {
    /// Tells from which learning rate to which a run goes that continues from step `step` of a run of `other`; nil where the
    /// schedule stays as it was, or where no step is left.
    ///
    /// A run that had reached the end of its schedule, and has more steps now, mostly goes back to a much higher rate.
    package func rateChange(from other: Configuration, at step: Int) -> String? {
        guard step > 0, step < training.steps else { return nil }
        let old = Schedule(other.schedule, steps: other.training.steps, width: other.model.width)
        let new = Schedule(schedule, steps: training.steps, width: model.width)
        let before = old.learningRate(at: step - 1), after = new.learningRate(at: step)
        // A schedule that is unchanged at both steps goes on as it would have.
        let isUnchanged = step < other.training.steps && old.learningRate(at: step) == after
        guard !isUnchanged, before != after else { return nil }
        return
            "the learning rate goes from \(scientific(before)) at step \(step) to \(scientific(after)) at step \(step + 1)"
    }
}
