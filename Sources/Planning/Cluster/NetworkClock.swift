import Averaging
import Glibc
import Settings

/// Runs a `StepProgram` on a network on which all nodes do the same at the same time.
///
/// A message moves when the link is free, and arrives a latency later. While
/// messages move, their processing takes a share of the rank's computing time.
struct NetworkClock {
    /// A call of MPI, or computing.
    enum Operation: Equatable {
        /// Computes for a time in seconds.
        case compute(Double)
        /// Starts the exchange of gradients with this index.
        case start(Int)
        /// Waits for the exchange of gradients with this index.
        case wait(Int)
        /// Sums this number of bytes over all ranks.
        case reduce(Int)
        /// Starts the exchange of weights with this index.
        case startWeights(Int)
        /// Waits for the exchange of weights with this index.
        case waitForWeights(Int)
    }

    /// The time of the step in seconds.
    private(set) var now = 0.0
    /// The time of waiting for gradients, for sums over all ranks, and for weights.
    private(set) var gradientWait = 0.0
    private(set) var reductionWait = 0.0
    private(set) var weightWait = 0.0
    /// The time of starting messages, and of processing their bytes.
    private(set) var messageTime = 0.0
    /// What the rank did. When exchanges start depends on when earlier ones arrive.
    private(set) var operations: [Operation] = []

    private let program: StepProgram
    private let network: NetworkDescription
    private let latency: Double
    /// The bandwidth of a node's link, in bytes per second.
    private let bandwidth: Double
    private let ranksPerNode: Double
    /// The time at which the link is free.
    private var free = 0.0
    /// The time at which each exchange is complete; those that have not moved yet are in `pending`.
    private var arrivals: [Double]
    private var weightArrivals: [Double]
    /// Exchanges that have started and move only while the rank waits.
    private var pending: [Int] = []
    /// The number of exchanges of gradients that have started, and of those that were added; of weights awaited.
    private var (started, added, awaited) = (0, 0, 0)

    private var traffic: StepTraffic { program.traffic }

    /// Runs the step.
    ///
    /// - Parameters:
    ///   - nodes, ranksPerNode: The size of the job.
    init(_ program: StepProgram, _ network: NetworkDescription, nodes: Int, ranksPerNode: Int) {
        (self.program, self.network) = (program, network)
        latency = network.longestLatency(nodes: nodes)
        bandwidth = network.exchangeBandwidth(nodes: nodes)
        self.ranksPerNode = Double(ranksPerNode)
        arrivals = Array(repeating: 0, count: program.traffic.gradients.count)
        weightArrivals = Array(repeating: 0, count: program.traffic.weights.count)
        for action in program.actions {
            switch action {
            case .compute(let seconds): compute(seconds)
            case .sectionIsFinal(let section): startExchanges(from: section)
            case .finish: finish()
            case .reduce(let bytes): if nodes > 1 { reduce(bytes, nodes: nodes) }
            case .startWeights(let index): startWeights(index)
            case .requireWeights(let section): awaitWeights(of: section)
            }
        }
    }

    /// Computes, more slowly as long as messages move.
    private mutating func compute(_ seconds: Double) {
        if seconds <= 0 { return }
        operations.append(.compute(seconds))
        // Bytes come and go at the same time, and the ranks of a node divide them.
        let share = max(0.1, 1 - 2 * bandwidth * network.byteOverhead / ranksPerNode)
        let busy = network.movesInBackground ? max(0, free - now) : 0
        let slow = min(seconds, busy * share)
        let processing = slow / share - slow
        now += seconds + processing
        messageTime += processing
    }

    // MARK: Gradients

    /// Starts the exchanges that a final section completes.
    private mutating func startExchanges(from section: Int) {
        while added < started, pending.isEmpty, arrivals[added] <= now { addOldest() }
        while started < traffic.gradients.count, traffic.gradients[started].section >= section {
            if started - added >= traffic.lanes {
                if !traffic.waitsForLanes { return }
                addOldest()
            }
            startNext()
        }
    }

    private mutating func finish() {
        while added < traffic.gradients.count {
            while started < traffic.gradients.count, started - added < traffic.lanes { startNext() }
            addOldest()
        }
    }

    private mutating func startNext() {
        let exchange = traffic.gradients[started]
        call(exchange)
        operations.append(.start(started))
        if network.movesInBackground {
            arrivals[started] = transfer(exchange)
        } else {
            pending.append(started)
        }
        started += 1
    }

    /// Waits for the oldest exchange under way and adds its gradients.
    private mutating func addOldest() {
        for index in pending { arrivals[index] = transfer(traffic.gradients[index]) }
        pending = []
        operations.append(.wait(added))
        gradientWait += wait(until: arrivals[added])
        added += 1
        compute(program.averagingSeconds)
    }

    // MARK: Weights

    private mutating func startWeights(_ index: Int) {
        call(traffic.weights[index])
        operations.append(.startWeights(index))
        if network.movesInBackground { weightArrivals[index] = transfer(traffic.weights[index]) }
    }

    private mutating func awaitWeights(of section: Int) {
        while awaited < traffic.weights.count, traffic.weights[awaited].section <= section {
            if !network.movesInBackground { weightArrivals[awaited] = transfer(traffic.weights[awaited]) }
            operations.append(.waitForWeights(awaited))
            weightWait += wait(until: weightArrivals[awaited])
            awaited += 1
        }
    }

    // MARK: The network

    /// The time at which an exchange that starts now is complete.
    private mutating func transfer(_ exchange: StepTraffic.Exchange) -> Double {
        if exchange.nodeBytes == 0 { return now }
        free = max(free, now) + Double(exchange.nodeBytes) / bandwidth
        return free + latency
    }

    private mutating func call(_ exchange: StepTraffic.Exchange) {
        let seconds = Double(exchange.sends.count + exchange.receives.count) * network.messageOverhead
        now += seconds
        messageTime += seconds
    }

    /// Waits, and returns how long.
    private mutating func wait(until time: Double) -> Double {
        let seconds = max(0, time - now)
        now += seconds
        return seconds
    }

    private mutating func reduce(_ bytes: Int, nodes: Int) {
        operations.append(.reduce(bytes))
        let rounds = log2(Double(nodes)).rounded(.up)
        // Reduce-scatter and all-gather of recursive halving (Rabenseifner 2004), all ranks of a node at once.
        let share = 1 - 1 / Double(nodes)
        let seconds =
            2 * rounds * (latency + network.messageOverhead) + 2 * share * Double(bytes) * ranksPerNode / bandwidth
        reductionWait += seconds
        now += seconds
    }
}
