import Collectives
import Datasets
import Failures
import Inference
import Models
import Settings

/// The batches of a run, found by reading them: the largest decide the memory of a rank, all of them the time.
struct RunBatches {
    /// The longest sequences of a micro-batch in training and evaluation with their padding, over all ranks.
    let lengths: SequenceLengths
    /// The steps in which this rank has its longest sequences, its longest sources, its most targets and the most work:
    /// the same number of steps on every rank.
    let largestSteps: [Int]
    /// The largest batches of evaluations on this rank, in the same respects, with their split.
    private let largestEvaluations: [(split: Int, batch: Int)]
    /// The work of each step of the whole job, in no particular unit.
    private let work: [Double]
    /// The data that the run reads.
    let data: TrainingData
    private let splits: [EvaluationBatches]

    /// The number of positions that are read at most: some hundred thousand sentences.
    private static let mostPositions = 1 << 24

    /// Reads the batches of a run of `configuration` on `data`. Collective: every rank calls it.
    ///
    /// If all sequences have the same length, one step is read. Of a long run the first steps are read.
    ///
    /// - Complexity: O(positions of the run), at most `mostPositions`.
    init(_ data: TrainingData, _ configuration: Configuration, _ communicator: any Communicator) throws {
        self.data = data
        let shape = data.training.shape
        let plan = try communicator.together { () throws(Failure) in
            try BatchPlan(
                sequences: configuration.batch.sequences, slots: configuration.batch.slots, rank: communicator.rank,
                worldSize: communicator.size)
        }
        splits = data.evaluatedSplits.map {
            EvaluationBatches(
                $0.samples, sequencesPerBatch: plan.sequencesPerSlot, seed: UInt64(configuration.run.seed))
        }
        let splits = splits
        /// The number of batches to read, of `count` batches that have `sequences` sequences.
        func examined(_ count: Int, sequences: Int) -> Int {
            shape.hasLengths ? min(count, max(1, RunBatches.mostPositions / (sequences * shape.positions))) : 1
        }
        let steps = examined(configuration.training.steps, sequences: plan.sequences)
        var (training, evaluation) = (Largest(), Largest())
        var places: [(split: Int, batch: Int)] = []
        let work = try communicator.together { () throws(Failure) in
            let reader = try BatchReader(
                data.training, plan: plan, seed: UInt64(configuration.run.seed),
                poolBatches: configuration.data.lengthPool)
            var work: [Double] = []
            for step in 0..<steps {
                work.append(0)
                for batch in try reader.next() { work[step] += Double(training.note(batch, at: step)) }
            }
            for (split, batches) in splits.enumerated() {
                let batch = try batches.makeBatch()
                let count = examined(batches.count, sequences: plan.sequences)
                for index in stride(from: communicator.rank % count, to: count, by: communicator.size) {
                    try batches.load(index, into: batch)
                    _ = evaluation.note(batch, at: places.count)
                    places.append((split, index))
                }
            }
            return work
        }
        self.work = try communicator.total(work)
        largestSteps = training.places
        largestEvaluations = places.isEmpty ? [] : evaluation.places.map { places[$0] }
        let own = training.lengths.including(evaluation.lengths)
        lengths = SequenceLengths(
            Int(try communicator.maximum(Int64(own.positions))),
            source: Int(try communicator.maximum(Int64(own.sourcePositions))))
    }

    /// About `count` steps whose work is distributed like that of all steps; the same on every rank.
    func typicalSteps(_ count: Int) -> [Int] {
        // Of steps with equal work, as far as it is known, those from the first on are as good as any.
        guard work.count > count else { return Array(0..<count) }
        let order = work.indices.sorted { (work[$0], $0) < (work[$1], $1) }
        return (0..<count).map { order[(2 * $0 + 1) * work.count / (2 * count)] }
    }

    /// The mean work of all steps, divided by that of `steps`.
    func relativeWork(of steps: [Int]) -> Double {
        let own = steps.reduce(0) { $0 + work[$1 % work.count] } / Double(steps.count)
        return work.reduce(0, +) / Double(work.count) / own
    }

    /// Calls `body` with the largest batches of evaluations. Collective: every rank calls it.
    func forEachLargestEvaluation(_ communicator: any Communicator, _ body: (Batch) -> Void) throws {
        try communicator.together { () throws(Failure) in
            let memory = try splits.map { batches throws(Failure) in try batches.makeBatch() }
            for (split, index) in largestEvaluations {
                try splits[split].load(index, into: memory[split])
                body(memory[split])
            }
        }
    }
}

/// The places of the largest of some batches.
private struct Largest {
    /// The places of the longest sequences, the longest sources, the most targets and the most work.
    private(set) var places = [0, 0, 0, 0]
    private(set) var lengths = SequenceLengths(1)
    private var values = [0, 0, 0, 0]

    /// Adds a batch and returns its work.
    mutating func note(_ batch: Batch, at place: Int) -> Int {
        let sourcePositions = batch.shape.hasSource ? batch.sourcePositions : 0
        let (sequences, targets) = (batch.sequenceCount, batch.targetCount)
        let work = sequences * (batch.positions + sourcePositions) + targets
        for (index, value) in [sequences * batch.positions, sequences * sourcePositions, targets, work].enumerated()
        where value > values[index] {
            (values[index], places[index]) = (value, place)
        }
        lengths = lengths.including(SequenceLengths(batch.positions, source: sourcePositions))
        return work
    }
}
