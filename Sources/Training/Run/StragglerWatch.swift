import Profiling
import Reporting

/// Finds ranks that compute more slowly than the others over many steps, and so make them wait.
struct StragglerWatch {
    /// The number of steps over which ranks are compared.
    static let window = 50

    private let factor: Double
    private let places: [String]
    private var sums: [Double]
    private var steps = 0
    private var named: Set<Int> = []

    /// - Parameters:
    ///   - factor: The ratio of a rank's time to the median of the other ranks from which on it is named.
    ///   - hosts: The host of each rank.
    init(factor: Double, hosts: [String]) {
        self.factor = factor
        places = hosts.enumerated().map { "rank \($0.offset) on host \($0.element)" }
        sums = Array(repeating: 0, count: hosts.count)
    }

    /// Adds a step.
    ///
    /// - Parameter seconds: The time that each rank has computed, without waiting.
    /// - Returns: A notice about the slowest rank, after a window in which it was slower than the others by the factor;
    ///   each rank is named once.
    mutating func note(_ seconds: UnsafeBufferPointer<Double>) -> String? {
        guard sums.count > 1 else { return nil }
        for rank in sums.indices { sums[rank] += seconds[rank] }
        steps += 1
        guard steps == StragglerWatch.window else { return nil }
        defer {
            steps = 0
            for rank in sums.indices { sums[rank] = 0 }
        }
        let slowest = sums.indices.max { sums[$0] < sums[$1] }!
        let others = median(sums.indices.filter { $0 != slowest }.map { sums[$0] })
        guard sums[slowest] > factor * others, named.insert(slowest).inserted else { return nil }
        func each(_ sum: Double) -> String { fixed(sum / Double(StragglerWatch.window), 3) }
        return "\(places[slowest]) is slow: it computed \(each(sums[slowest])) s per step in the last "
            + "\(StragglerWatch.window) steps, the median of the others \(each(others)) s. They wait for it."
    }
}
