import Averaging
import Glibc
import Settings

/// Runs a `StepProgram` on a network on which all nodes do the same at the same time.
///
/// The ranks of a node divide its link equally. A message moves when the link is free, and arrives a latency later.
struct NetworkClock {
    /// The time of the step in seconds.
    private(set) var now = 0.0
    /// The time of waiting for gradients, for sums over all ranks, and for weights.
    private(set) var gradientWait = 0.0
    private(set) var reductionWait = 0.0
    private(set) var weightWait = 0.0
    /// The time of starting messages.
    private(set) var messageTime = 0.0

    /// Runs the step.
    ///
    /// - Parameters:
    ///   - nodes, ranksPerNode: The size of the job.
    init(_ program: StepProgram, _ network: NetworkDescription, nodes: Int, ranksPerNode: Int) {
        let latency = network.longestLatency(nodes: nodes)
        let bandwidth = network.exchangeBandwidth(nodes: nodes) / Double(ranksPerNode)
        let traffic = program.traffic
        func bytes(_ exchange: StepTraffic.Exchange) -> Double {
            let (sent, received) = (exchange.sends, exchange.receives)
            return Double(max(sent.reduce(0) { $0 + $1.bytes }, received.reduce(0) { $0 + $1.bytes }))
        }
        /// The time at which the link is free, and at which each exchange is complete.
        var (free, arrivals, weightArrival) = (0.0, [Double](repeating: 0, count: traffic.gradients.count), 0.0)
        /// Exchanges that have been started and move only while the rank waits.
        var pending: [Int] = []
        func transfer(_ exchange: StepTraffic.Exchange) -> Double {
            if exchange.sends.isEmpty && exchange.receives.isEmpty { return now }
            free = max(free, now) + bytes(exchange) / bandwidth
            return free + latency
        }
        func call(_ exchange: StepTraffic.Exchange) {
            let seconds = Double(exchange.sends.count + exchange.receives.count) * network.messageOverhead
            now += seconds
            messageTime += seconds
        }
        for action in program.actions {
            switch action {
            case .compute(let seconds): now += seconds
            case .start(let index):
                call(traffic.gradients[index])
                if network.movesInBackground {
                    arrivals[index] = transfer(traffic.gradients[index])
                } else {
                    pending.append(index)
                }
            case .wait(let index):
                for other in pending { arrivals[other] = transfer(traffic.gradients[other]) }
                pending = []
                gradientWait += max(0, arrivals[index] - now)
                now = max(now, arrivals[index])
            case .reduce(let bytes):
                guard nodes > 1 else { continue }
                let rounds = log2(Double(nodes)).rounded(.up)
                // Reduce-scatter and all-gather of recursive halving (Rabenseifner 2004), all ranks of a node at once.
                let share = 1 - 1 / Double(nodes)
                let seconds = 2 * rounds * (latency + network.messageOverhead) + 2 * share * Double(bytes) / bandwidth
                reductionWait += seconds
                now += seconds
            case .startWeights(let index):
                call(traffic.weights[index])
                if network.movesInBackground { weightArrival = transfer(traffic.weights[index]) }
            case .waitForWeights:
                if !network.movesInBackground {
                    for exchange in traffic.weights { weightArrival = transfer(exchange) }
                }
                weightWait += max(0, weightArrival - now)
                now = max(now, weightArrival)
            }
        }
    }
}
