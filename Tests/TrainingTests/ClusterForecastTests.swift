import Averaging
import Collectives
import Failures
import Files
import Models
import TestSupport
import Testing

@testable import Measuring
@testable import Planning
@testable import Settings

/// Forecasts of steps on several nodes.
struct ClusterForecastTests {
    private func exchange(_ bytes: Int, section: Int = 0) -> StepTraffic.Exchange {
        let messages = [StepTraffic.Message(rank: 1, bytes: bytes)]
        return StepTraffic.Exchange(section: section, sends: messages, receives: messages, nodeBytes: bytes)
    }

    private func times(forward: Double, backward: Double) -> StepTimes {
        var times = StepTimes()
        (times.layers, times.forward) = (forward + backward, forward)
        return times
    }

    private func network(_ bandwidth: Double, latency: Double = 0, background: Bool = true) -> NetworkDescription {
        var network = NetworkDescription()
        (network.latency, network.bandwidth, network.messageOverhead) = (latency, bandwidth, 0)
        network.movesInBackground = background
        return network
    }

    /// Gradients of late layers travel while early layers compute; the last ones cannot be hidden.
    @Test func exchangesOverlapWithTheBackwardPass() {
        // The four sections end 0, 1, 2 and 2 seconds after the start of the backward pass.
        let traffic = StepTraffic(
            gradients: [exchange(100, section: 2), exchange(100, section: 1), exchange(50, section: 0)],
            weights: [exchange(100, section: 0), exchange(100, section: 1), exchange(50, section: 2)], lanes: 4,
            waitsForLanes: true)
        let program = StepProgram(
            times(forward: 1, backward: 2), slots: 1, sections: 4, shardShare: 1, reducedBytes: 0, traffic)
        #expect(program.computeSeconds == 3)
        // 100 bytes per second: the gradients arrive 2, 3 and 3.5 seconds after the start of the backward pass; the
        // weights of the sections 1, 2 and 2.5 seconds later, of which the first block computes 0.5.
        let clock = NetworkClock(program, network(800), nodes: 2, ranksPerNode: 1)
        #expect(clock.gradientWait == 1.5 && clock.weightWait == 2 && clock.now == 6.5)
        // Without movement in the background, nothing is hidden.
        let late = NetworkClock(program, network(800, background: false), nodes: 2, ranksPerNode: 1)
        #expect(late.gradientWait == 2.5 && late.weightWait == 2.5 && late.now == 8)
        // Processing of the bytes takes half of the time in which they move.
        var costly = network(800)
        costly.byteOverhead = 0.0025
        let slow = NetworkClock(program, costly, nodes: 2, ranksPerNode: 1)
        #expect(slow.now == 7.25 && slow.messageTime > 0 && slow.now < late.now)
    }

    /// A limited number of exchanges is under way at once: the backward pass waits, or the next exchange starts later.
    @Test(arguments: [true, false])
    func exchangesWaitForALane(waits: Bool) {
        let traffic = StepTraffic(
            gradients: (0..<3).map { exchange(150, section: 3 - $0) }, weights: [], lanes: 1, waitsForLanes: waits)
        let program = StepProgram(
            times(forward: 1, backward: 3), slots: 1, sections: 5, shardShare: 1, reducedBytes: 0, traffic)
        let clock = NetworkClock(program, network(800), nodes: 2, ranksPerNode: 1)
        let calls = clock.operations.filter { if case .compute = $0 { false } else { $0 != .reduce(0) } }
        #expect(calls == [.start(0), .wait(0), .start(1), .wait(1), .start(2), .wait(2)])
        // The exchanges need 1.5 seconds each; the first starts after 1 second. If nothing waits, the second starts at
        // the end of the next section that follows its arrival.
        #expect(abs(clock.now - (waits ? 6.5 : 7)) < 1e-9)
    }

    /// Every rank receives what others send to it, and the bytes are those of an optimal exchange.
    @Test(arguments: [("allreduce", "float32"), ("auto", "float32"), ("auto", "bfloat16")])
    func trafficIsConsistent(strategy: String, wire: String) throws {
        let configuration = try Configuration.load(
            file: nil,
            sets: ["averaging.bucket_bytes=65536", "averaging.strategy=\(strategy)", "averaging.wire=\(wire)"])
        let layout = configuration.model.layout(configuration.madeUpSizes)
        let nodes = [0..<2, 2..<4, 4..<6]
        let traffic = (0..<6).map {
            configuration.averaging.traffic(layout, nodes: nodes, rank: $0, storing: Float.self)
        }
        for (kind, exchanges) in [("gradients", traffic.map(\.gradients)), ("weights", traffic.map(\.weights))] {
            for index in exchanges[0].indices {
                for rank in 0..<6 {
                    for message in exchanges[rank][index].sends {
                        let found = exchanges[message.rank][index].receives.filter { $0.rank == rank }.map(\.bytes)
                        #expect(found.contains(message.bytes), "\(kind) \(index): \(rank) to \(message.rank)")
                    }
                }
            }
        }
        // No node sends or receives more in an exchange than is said.
        for index in traffic[0].weights.indices {
            for node in nodes {
                let own = node.map { traffic[$0].leaving(node).weights[index] }
                let sent = own.reduce(0) { $0 + $1.sends.reduce(0) { $0 + $1.bytes } }
                let received = own.reduce(0) { $0 + $1.receives.reduce(0) { $0 + $1.bytes } }
                #expect(max(sent, received) <= traffic[0].weights[index].nodeBytes)
            }
        }
        // Each element leaves a node once for each other node that needs it, or once for each rank.
        let sent = (0..<2).reduce(0) { $0 + traffic[$1].leaving(nodes[0]).sentBytes }
        let gradientBytes = wire == "float32" ? 4.0 : 2
        let ideal = Double(layout.count) * (gradientBytes + 4) * 2 / 3
        let ratio = Double(sent) / ideal
        #expect(abs(ratio / (strategy == "auto" ? 1 : 2) - 1) < 0.06, "\(ratio)")
    }

    @Test func networksAreChecked() throws {
        let directory = TemporaryDirectory()
        let file = directory.file("network.yaml")
        try FileSystem.replaceContents(
            of: file, with: "latency: 2e-6\nbandwidth: 25e9\nnodes_per_switch: 16\noversubscription: 2\n")
        let network = try NetworkDescription(parsing: file)
        #expect(network.bandwidth == 25e9 && network.nodesPerSwitch == 16)
        #expect(network.exchangeBandwidth(nodes: 16) == 25e9 / 8 && network.exchangeBandwidth(nodes: 512) < 25e9 / 12)
        #expect(network.longestLatency(nodes: 16) == 2e-6 && network.longestLatency(nodes: 64) > 2e-6)
        #expect(try NetworkDescription(parsing: "latency=1e-3,bandwidth=1e8").latency == 1e-3)
        expectFailure(.usage, "bandwith", "the nearest is bandwidth") {
            _ = try NetworkDescription(parsing: "bandwith=1e9")
        }
        expectFailure(.usage, "latency: found -1", "allowed: a number") {
            _ = try NetworkDescription(parsing: "latency=-1")
        }
        expectFailure(.usage, "given more than once") { _ = try NetworkDescription(parsing: "latency=1,latency=1") }
        expectFailure(.usage, "no such file") { _ = try NetworkDescription(parsing: directory.file("none")) }
        try FileSystem.replaceContents(of: file, with: "latency: [fast]\n")
        expectFailure(.usage, "network.yaml:1:", "latency: found [fast]") { _ = try NetworkDescription(parsing: file) }
        try FileSystem.replaceContents(of: file, with: "- 1\n")
        expectFailure(.usage, "allowed: a mapping of latency") { _ = try NetworkDescription(parsing: file) }
    }

    /// Neither idle threads nor more threads than cores count as other programs.
    @Test func sharesOfTheCores() {
        func use(_ seconds: Double, _ delay: Double?) -> ProcessorUse {
            ProcessorUse(seconds: seconds, delaySeconds: delay)
        }
        func share(_ later: ProcessorUse, threads: Int, largest: Double = 1) -> Double {
            later.share(
                since: use(3, later.delaySeconds == nil ? nil : 1), elapsed: 10, threads: threads, largest: largest)
        }
        #expect(share(use(19, 1), threads: 2) == 1)
        #expect(share(use(19, nil), threads: 2) == 0.8)
        // Both threads lost half of their time to other programs; each waited for one delay of the other.
        #expect(share(use(13, 6), threads: 2) == 0.5)
        #expect(share(use(8, 6), threads: 1, largest: 0.5) == 1)
        #expect(ProcessorUse.delay("191857 3000000000 2\n") == 3 && ProcessorUse.delay("") == 0)
    }

    /// One measured plan yields forecasts, and traces in which every message that is sent is received.
    @Test func forecastsAndTraces() throws {
        let workshop = try FamilyWorkshop(FamilyCase.all[0])
        let plan = try TrainingPlan(workshop.configuration(), ranks: 2, measures: true, SoloCommunicator())
        var network = network(1e9, latency: 1e-5)
        let near = try ClusterForecast(plan, network, nodes: 2, ranksPerNode: 2)
        network.bandwidth = 1e6
        let far = try ClusterForecast(plan, network, nodes: 2, ranksPerNode: 2)
        #expect(far.seconds > near.seconds && far.efficiency < near.efficiency && far.limit != "computing")
        network.nodeSpeed = 4
        let fast = try ClusterForecast(plan, network, nodes: 2, ranksPerNode: 2)
        #expect(fast.seconds < far.seconds && abs(fast.computeSeconds * 4 / far.computeSeconds - 1) < 1e-9)
        network.nodeSpeed = 1
        #expect(far.nodeBytes == near.nodeBytes && far.json["efficiency"]?.doubleValue == far.efficiency)
        expectFailure(.usage, "batch.slots") {
            _ = try ClusterForecast(plan, network, nodes: 8, ranksPerNode: 2)
        }
        let directory = workshop.directory.file("trace")
        try ReplayTrace(plan, network, nodes: 2, ranksPerNode: 2, steps: 1).write(to: directory)
        var sent: [String] = []
        var received: [String] = []
        for rank in 0..<4 {
            let bytes = try FileSystem.contents(of: "\(directory)/rank-\(rank).txt", limitBytes: 1 << 24)
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
                let words = line.split(separator: " ")
                if words[1] == "isend" { sent.append("\(rank) \(words[2]) \(words[3]) \(words[4])") }
                if words[1] == "irecv" { received.append("\(words[2]) \(rank) \(words[3]) \(words[4])") }
            }
        }
        #expect(!sent.isEmpty && sent.sorted() == received.sorted())
        expectFailure(.usage, "is not empty") {
            try ReplayTrace(plan, network, nodes: 2, ranksPerNode: 2).write(to: directory)
        }
    }
}
