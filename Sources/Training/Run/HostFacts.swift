import Collectives
import Failures
import Files
import Glibc
import Reporting
import Texts

/// What the ranks of a job compare before the first step, as each of them sees it on its host.
struct HostFacts: Equatable {
    /// The name of the rank's host.
    let host: String
    /// The rank's clock, in seconds since 1970.
    let seconds: Double
    /// What must be the same on every rank, a line each.
    let lines: [String]

    /// The facts as a text, which `init(text:)` parses.
    var text: String { ([host, "\(seconds)"] + lines).joined(separator: "\n") }

    init(host: String, seconds: Double, lines: [String]) {
        (self.host, self.seconds, self.lines) = (host, seconds, lines)
    }

    /// Parses a value of `text`.
    init(text: String) {
        let parts = text.exactParts(at: "\n").map { String($0) }
        host = parts.first ?? "?"
        seconds = parts.dropFirst().first.flatMap { Double($0) } ?? 0
        lines = Array(parts.dropFirst(2))
    }

    /// The facts of this rank. All ranks call it after a barrier, so that their clocks can be compared.
    ///
    /// - Parameter hashesProgram: Whether `lines` includes the digest of the program's file, which the ranks of one
    ///   host share.
    static func own(_ lines: [String], hashesProgram: Bool) -> HostFacts {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let program = hashesProgram ? (try? Digest.ofFile("/proc/self/exe")) : nil
        return HostFacts(
            host: hostName(), seconds: Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9,
            lines: lines + (program.map { ["the program's file has the digest \($0)"] } ?? []))
    }

    /// Checks that the lines of all ranks, in rank order, are the same.
    ///
    /// - Throws: `usage`, naming the first rank that differs from rank 0, its host and the differences.
    static func requireEqual(_ ranks: [HostFacts]) throws(Failure) {
        let first = ranks[0]
        let hasSeveralHosts = ranks.contains { $0.host.exact != first.host.exact }
        for (rank, facts) in ranks.enumerated() {
            let differing = zip(facts.lines, first.lines).filter { $0.exact != $1.exact }
                .map { "\($0), rank 0's \($1)" }
            if differing.isEmpty { continue }
            func place(_ host: String) -> String { hasSeveralHosts ? " on host \(host)" : "" }
            throw Failure(
                .usage,
                "rank \(rank)\(place(facts.host)) differs from rank 0\(place(first.host)): "
                    + "\(differing.joined(separator: "; ")). Give every host the same dtrain, configuration and data, and "
                    + "start again.")
        }
    }

    /// The difference of clocks, in seconds, from which on it is reported.
    static let clockTolerance = 10.0

    /// A warning about the first rank whose clock differs from that of rank 0; nil if none does.
    static func clockWarning(_ ranks: [HostFacts]) -> String? {
        ranks.first { abs($0.seconds - ranks[0].seconds) > clockTolerance }.map { other in
            let seconds = other.seconds - ranks[0].seconds
            return "the clock of host \(other.host) is \(grouped(Int(abs(seconds).rounded()))) s "
                + "\(seconds > 0 ? "ahead of" : "behind") that of host \(ranks[0].host): times of files and in logs cannot be "
                + "compared. Synchronize the clocks (NTP)."
        }
    }
}
