import Averaging
import Collectives
import Failures
import Files
import Models
import Profiling
import Reporting
import Settings
import Tensors

/// Benchmark of gradient averaging with each strategy and of publishing the updated weights, compared with an in-place
/// `MPI_Allreduce` and a `memcpy` of the same size.
package struct AveragingBench {
    private let subject: BenchSubject
    private var configuration: Configuration { subject.configuration }
    private let communicator: any Communicator

    /// Creates a benchmark for the gradients of the model that `subject` describes.
    package init(_ subject: BenchSubject, _ communicator: any Communicator) {
        self.subject = subject
        self.communicator = communicator
    }

    /// Measures each operation `repetitions` times.
    package func run(repetitions: Int) throws -> Measurement {
        let layout = configuration.model.layout(subject.sizes)
        var (seconds, publishSeconds): ([Timing], [Timing]) = ([], [])
        for strategy in [AveragingConfiguration.Strategy.allreduce, .sharedMemory, .hierarchical] {
            guard let averager = try makeAveraging(strategy, layout) else { continue }
            averager.gradients.base.update(repeating: 1, count: layout.count)
            averager.weights.base.update(repeating: 1, count: communicator.rank == 0 ? layout.count : 0)
            let time = try measure(repetitions) {
                for section in layout.sections.indices.reversed() { try averager.sectionIsFinal(section) }
                try averager.finish()
            }
            seconds.append(Timing(strategy.rawValue, time))
            let publishing = try measure(repetitions) {
                for index in averager.shards[communicator.rank].ranges.indices { try averager.rangeIsUpdated(index) }
                try averager.publish()
            }
            publishSeconds.append(Timing(strategy.rawValue, publishing))
        }
        let (source, target) = (Arena<Float>(count: layout.count), Arena<Float>(count: layout.count))
        let numbers = UnsafeMutableBufferPointer(start: source.base, count: layout.count)
        seconds.append(
            Timing(
                "mpi_allreduce_in_place",
                try measure(repetitions) {
                    try communicator.allreduce(UnsafeBufferPointer(numbers), into: numbers, .sum)
                }))
        seconds.append(
            Timing(
                "memcpy", try measure(repetitions) { target.base.update(from: source.base, count: layout.count) }))

        let megabytes = Double(layout.count * MemoryLayout<Float>.stride) * 1e-6
        return Measurement(
            table: [["\(fixed(megabytes, 0)) MB, \(counted(communicator.size, "rank"))", "ms"]]
                + seconds.map { [$0.name, fixed($0.seconds * 1e3, 2)] }
                + publishSeconds.map { ["\($0.name): all-gather of updated weights", fixed($0.seconds * 1e3, 2)] },
            json: [
                "ranks": .integer(communicator.size),
                "bytes": .integer(layout.count * MemoryLayout<Float>.stride),
                "seconds": .object(seconds.map(\.member)),
                "publish_seconds": .object(publishSeconds.map(\.member)),
            ])
    }

    private struct Timing {
        let name: String
        let seconds: Double
        var member: JSON.Member { .init(name, .number(seconds)) }

        init(_ name: String, _ seconds: Double) { (self.name, self.seconds) = (name, seconds) }
    }

    /// Creates the averaging with one strategy; nil if it is unavailable here.
    private func makeAveraging(
        _ strategy: AveragingConfiguration.Strategy, _ layout: ParameterLayout
    ) throws -> (any GradientAveraging<Float>)? {
        var averaging = configuration.averaging
        averaging.strategy = strategy
        do {
            return try AveragingChoice<Float>(averaging, layout: layout, communicator).averaging
        } catch is AgreedFailure {
            return nil
        }
    }

    /// The median over repetitions of the slowest rank's time, in seconds.
    private func measure(_ repetitions: Int, _ body: () throws -> Void) throws -> Double {
        let clock = ContinuousClock()
        var seconds: [Double] = []
        for repetition in 0...repetitions {
            try communicator.barrier()
            let start = clock.now
            try body()
            let slowest = try communicator.maximum(Int64((clock.now - start).seconds * 1e9))
            if repetition > 0 { seconds.append(Double(slowest) * 1e-9) }
        }
        return median(seconds)
    }
}
