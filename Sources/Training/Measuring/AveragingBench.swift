import Collectives
import Files
import Models
import Tensors

/// The averaging of a model's gradient, by each strategy in turn and by a plain in-place `MPI_Allreduce`.
package struct AveragingBench {
    private let configuration: Configuration
    private let communicator: any Communicator

    /// The averaging of the model that `configuration` describes. No dataset is needed.
    package init(_ configuration: Configuration, _ communicator: any Communicator) {
        self.configuration = configuration
        self.communicator = communicator
    }

    /// Measures each `repetitions` times.
    package func run(repetitions: Int) throws -> Measurement {
        let layout = Decoder<Float>(
            configuration.model, vocabularySize: configuration.model.benchVocabularySize,
            contextLength: configuration.data.contextLength
        ).layout
        var seconds: [(name: String, seconds: Double)] = []
        for strategy in [AveragingConfiguration.Strategy.allreduce, .sharedMemory] {
            if strategy == .sharedMemory, communicator.localSize != communicator.size { continue }
            var averaging = configuration.averaging
            averaging.strategy = strategy
            let averager: any GradientAveraging<Float> = try makeAveraging(averaging, layout: layout, communicator)
            let time = try measure(repetitions) {
                for section in layout.sections.indices.reversed() { try averager.sectionIsFinal(section) }
                try averager.finish()
                try averager.release()
            }
            seconds.append((strategy.rawValue, time))
        }
        let arena = Arena<Float>(count: layout.count)
        let numbers = UnsafeMutableBufferPointer(start: arena.base, count: layout.count)
        let plain = try measure(repetitions) {
            try communicator.allreduce(UnsafeBufferPointer(numbers), into: numbers, .sum)
        }
        seconds.append(("mpi_allreduce_in_place", plain))

        let megabytes = Double(layout.count * MemoryLayout<Float>.stride) * 1e-6
        return Measurement(
            table: [["\(fixed(megabytes, 0)) MB, \(communicator.size) ranks", "ms"]]
                + seconds.map { [$0.name, fixed($0.seconds * 1e3, 2)] },
            json: [
                "ranks": .integer(communicator.size),
                "bytes": .integer(layout.count * MemoryLayout<Float>.stride),
                "seconds": .object(seconds.map { .init($0.name, .number($0.seconds)) }),
            ])
    }

    /// The median over repetitions of the slowest rank's time.
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
