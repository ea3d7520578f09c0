import Averaging
import Collectives
import EventFiles
import Numbers
import Tensors

extension Coordinator {
    /// The distributions of each parameter's weights and, if the last step updated the weights, of its averaged
    /// gradient before clipping. Changes nothing. Collective: every rank calls it, and every rank gets the result.
    ///
    /// Each rank counts the values of its shard. Must be called after `train` and before the next step, which
    /// overwrites the gradient.
    ///
    /// - Parameters:
    ///   - hasGradients: Whether the gradient is finite.
    ///   - lossScale: The factor of the gradient.
    func histograms(hasGradients: Bool, lossScale: Double) throws -> [Summary] {
        var summaries: [Summary] = []
        let weights = Tally(parameters: layout.parameters.count)
        weights.add(pieces) { UnsafePointer(self.master.at($0)) }
        summaries += try weights.summaries("weights", layout, scale: 1, communicator)
        guard hasGradients else { return summaries }
        let gradients = Tally(parameters: layout.parameters.count)
        gradients.add(pieces) { UnsafePointer(self.averaging.gradients.base + $0.start) }
        return summaries + (try gradients.summaries("gradients", layout, scale: 1 / lossScale, communicator))
    }
}

/// The counts of values of each parameter on this rank.
private final class Tally {
    private let counts: UnsafeMutableBufferPointer<Int64>
    /// For each parameter: the negated smallest and the largest value.
    private var ranges: [Double]
    /// For each parameter: the sum of the values, and of their squares.
    private var sums: [Double]

    init(parameters: Int) {
        counts = .allocate(capacity: parameters * HistogramBuckets.count)
        counts.initialize(repeating: 0)
        ranges = Array(repeating: -.infinity, count: 2 * parameters)
        sums = Array(repeating: 0, count: 2 * parameters)
    }

    deinit { counts.deallocate() }

    /// The histograms of all ranks' values. Collective: every rank calls it.
    func summaries(
        _ group: String, _ layout: ParameterLayout, scale: Double, _ communicator: any Communicator
    ) throws(MPIError) -> [Summary] {
        let all = UnsafeMutableBufferPointer<Int64>.allocate(capacity: counts.count)
        defer { all.deallocate() }
        try communicator.allreduce(UnsafeBufferPointer(counts), into: all, .sum)
        let ranges = try Tally.reduced(ranges, .maximum, communicator)
        let sums = try Tally.reduced(sums, .sum, communicator)
        return layout.parameters.indices.compactMap { index in
            let own = all[index * HistogramBuckets.count..<(index + 1) * HistogramBuckets.count]
            return HistogramBuckets.histogram(
                UnsafeBufferPointer(rebasing: own), range: (Float(-ranges[2 * index]), Float(ranges[2 * index + 1])),
                sums: (sums[2 * index], sums[2 * index + 1]), scale: scale
            ).map { Summary("\(group)/\(layout.parameters[index].name)", .histogram($0)) }
        }
    }

    private static func reduced(
        _ own: [Double], _ reduction: Reduction, _ communicator: any Communicator
    ) throws(MPIError) -> [Double] {
        let send = UnsafeMutableBufferPointer<Double>.allocate(capacity: own.count)
        let receive = UnsafeMutableBufferPointer<Double>.allocate(capacity: own.count)
        defer {
            send.deallocate()
            receive.deallocate()
        }
        _ = send.initialize(from: own)
        try communicator.allreduce(UnsafeBufferPointer(send), into: receive, reduction)
        return Array(receive)
    }

    /// Adds the values of all pieces, parameter by parameter.
    func add<Element: Storage>(_ pieces: [[UpdatePiece]], _ values: (UpdatePiece) -> UnsafePointer<Element>) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: chunkElements) { floats in
            let floats = floats.baseAddress!
            for piece in pieces.joined() {
                convert(values(piece), into: floats, count: piece.count)
                let index = piece.parameter
                var range = (-Float(ranges[2 * index]), Float(ranges[2 * index + 1]))
                var sums = (0.0, 0.0)
                HistogramBuckets.add(
                    UnsafePointer(floats), count: piece.count,
                    to: counts.baseAddress! + index * HistogramBuckets.count, range: &range, sums: &sums)
                (ranges[2 * index], ranges[2 * index + 1]) = (-Double(range.0), Double(range.1))
                self.sums[2 * index] += sums.0
                self.sums[2 * index + 1] += sums.1
            }
        }
    }
}
