import Checkpoints
import Testing

@testable import Training
@testable import Settings

@Suite struct MetricWatchTests {
    private func watch(patience: Int, minDelta: Double = 0, restored: CheckpointState.Watched? = nil) -> MetricWatch {
        var configuration = TrainingConfiguration()
        (configuration.patience, configuration.minDelta) = (patience, minDelta)
        return MetricWatch(configuration, restored: restored)
    }

    /// The index of the evaluation at which patience runs out, or nil.
    private func end(_ values: [Double], patience: Int, minDelta: Double = 0) -> Int? {
        var watch = watch(patience: patience, minDelta: minDelta)
        return values.indices.first { index in
            _ = watch.note(values[index], step: index)
            return watch.hasRunOut
        }
    }

    @Test func patienceCountsEvaluationsWithoutImprovement() {
        #expect(end([5, 4, 4, 4.5, 3, 3.5, 3, 3.1], patience: 3) == 7)
        #expect(end([5, 4, 4, 4.5, 3, 3.5, 3, 3.1], patience: 2) == 3)
        #expect(end([5, 5], patience: 1) == 1)
        #expect(end([5, 5, 5, 5], patience: 0) == nil)
        #expect(end([.nan, .nan, 5], patience: 2) == 1)
    }

    /// Small changes accumulate: each value is compared with the last value that counted as an improvement.
    @Test func smallChangesAreNotImprovements() {
        #expect(end([5, 4.8, 4.6, 4.4, 4.2], patience: 2, minDelta: 0.5) == 2)
        #expect(end([5, 4.8, 4.4, 4.2, 3.8, 3.7], patience: 2, minDelta: 0.5) == nil)
        #expect(end([5, 4.5], patience: 1, minDelta: 0.5) == 1)
    }

    /// The best checkpoint is the one with the best value, however small the difference.
    @Test func bestIsTheLowestValue() {
        var watch = watch(patience: 1, minDelta: 1)
        #expect(
            [5, 4.9, 4.9, .nan, .infinity, 4.8].enumerated().map { watch.note($1, step: 10 * $0) }
                == [true, true, false, false, false, true])
        #expect(watch.state.best == 4.8 && watch.state.bestStep == 50 && watch.state.reference == 5)
        watch.beginStep()
        #expect(watch.state.value == nil && watch.state.best == 4.8)
    }

    @Test func restoresStateOfSameMetricOnly() {
        let state = CheckpointState.Watched(
            name: "validation_loss", best: 3, reference: 4, evaluationsWithoutImprovement: 2)
        #expect(watch(patience: 2, restored: state).hasRunOut)
        #expect(!watch(patience: 3, restored: state).hasRunOut)
        var other = state
        other.name = "validation_accuracy"
        #expect(watch(patience: 2, restored: other).state == .init(name: "validation_loss"))
    }
}
